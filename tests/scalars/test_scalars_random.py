"""Check derivatives of random programs against the same programs run on dual numbers."""

from __future__ import annotations

import linecache
import math
import random

import pytest

from tensorlab.scalars import derivative, scalar_function, vjp


class Dual:
    """A number with its derivative, for forward-mode differentiation."""

    def __init__(self, value, slope=0.0):
        self.value, self.slope = value, slope

    @staticmethod
    def of(number):
        return number if isinstance(number, Dual) else Dual(float(number))

    def __add__(self, other):
        other = Dual.of(other)
        return Dual(self.value + other.value, self.slope + other.slope)

    def __mul__(self, other):
        other = Dual.of(other)
        return Dual(self.value * other.value, self.slope * other.value + self.value * other.slope)

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -Dual.of(other)

    def __truediv__(self, other):
        other = Dual.of(other)
        value = self.value / other.value
        return Dual(value, (self.slope - value * other.slope) / other.value)

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other):
        return Dual.of(other) - self

    def __rtruediv__(self, other):
        return Dual.of(other) / self

    def __gt__(self, other):
        return self.value > Dual.of(other).value

    def __lt__(self, other):
        return self.value < Dual.of(other).value

    def __bool__(self):
        return self.value != 0


class DualMath:
    """``math`` on dual numbers."""

    @staticmethod
    def sin(x):
        x = Dual.of(x)
        return Dual(math.sin(x.value), x.slope * math.cos(x.value))

    @staticmethod
    def tanh(x):
        x = Dual.of(x)
        return Dual(math.tanh(x.value), x.slope * (1.0 - math.tanh(x.value) ** 2))


class Writer:
    """Generate the source of a random function of ``x`` and ``y`` that always terminates."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.names = ["x", "y", "a", "b", "c"]
        self.loops = 0

    def expression(self, depth=3):
        choice = self.random.random()
        if depth == 0 or choice < 0.25:
            return self.random.choice([*self.names, *self.names, "0.5", "2", "1.25"])
        a, b = self.expression(depth - 1), self.expression(depth - 1)
        forms = [f"({a} + {b})", f"({a} - {b})", f"{a} * {b}", f"({a}) / (2 + math.tanh({b}))", f"-({a})"]
        forms += [f"math.sin({a})", f"math.tanh({a})", f"max({a}, {b})", f"min({a}, {b})"]
        forms += [f"({a} if {self.condition(depth - 1)} else {b})", f"({a} and {b})", f"({a} or {b})"]
        forms += [f"helper({a}, {b})", f"returning_early({a})"]
        return self.random.choice(forms)

    def condition(self, depth=2):
        a, b = self.expression(min(depth, 1)), self.expression(min(depth, 1))
        simple = f"{a} {self.random.choice('<>')} {b}"
        return self.random.choice([simple, f"({simple} and {b} > 0)", f"not ({simple})"])

    def block(self, depth, looping, indent):
        lines = []
        for _ in range(self.random.randint(1, 4)):
            lines += self.statement(depth, looping, indent)
        return lines

    def statement(self, depth, looping, indent):
        pad, choice = " " * indent, self.random.random()
        name = self.random.choice(self.names)
        if depth and choice < 0.25:
            lines = [f"{pad}if {self.condition()}:", *self.block(depth - 1, looping, indent + 4)]
            if self.random.random() < 0.5:
                lines += [f"{pad}else:", *self.block(depth - 1, looping, indent + 4)]
            return lines
        if depth and choice < 0.35:
            self.loops += 1
            return [f"{pad}for i{self.loops} in range(3):", *self.block(depth - 1, True, indent + 4)]
        if depth and choice < 0.45:
            self.loops += 1
            counter = f"n{self.loops}"
            head = [f"{pad}{counter} = 0", f"{pad}while {counter} < 3 and {self.condition()}:"]
            return [*head, f"{pad}    {counter} += 1", *self.block(depth - 1, True, indent + 4)]
        if looping and choice < 0.5:
            return [f"{pad}if {self.condition()}:", f"{pad}    {self.random.choice(['break', 'continue'])}"]
        if choice < 0.55:
            return [f"{pad}if {self.condition()}:", f"{pad}    return {self.expression()}"]
        if choice < 0.65:
            other = self.random.choice([n for n in self.names if n != name])
            return [f"{pad}{name}, {other} = {other}, {self.expression()}"]
        return [f"{pad}{name} {self.random.choice(['=', '=', '+=', '*='])} {self.expression()}"]

    def function(self):
        start = ["def program(x, y):", "    a, b, c = x, 1.5, x * y"]
        return "\n".join([*start, *self.block(3, False, 4), f"    return {self.expression()}"]) + "\n"


HELPERS = """
def helper(x, y):
    z = x * y
    if z > 0.5:
        x = math.sin(z)
    else:
        return z - y
    return x + z

def returning_early(x):
    for i in range(3):
        x = math.tanh(x) * 1.5
        if x > 1:
            return x * i
    return x
"""


def load(source, name, library):
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    namespace = {"math": library}
    exec(compile(source, name, "exec"), namespace)
    return namespace["program"]


@pytest.mark.parametrize("seed", range(25))
def test_derivatives_of_random_programs_match_dual_numbers(seed):
    source = HELPERS + Writer(seed).function()
    scalar = scalar_function(load(source, f"<random program {seed}>", math))
    exact = load(source, f"<random program {seed}>", DualMath)
    values = random.Random(seed)
    for _ in range(6):
        x, y = values.uniform(-2, 2), values.uniform(-2, 2)
        for index, slopes in enumerate([(1.0, 0.0), (0.0, 1.0)]):
            wanted = Dual.of(exact(Dual(x, slopes[0]), Dual(y, slopes[1]))).slope
            if abs(wanted) < 1e12:
                slope = derivative(scalar, index)
                assert slope(x, y) == pytest.approx(wanted, rel=1e-7, abs=1e-9), source + slope.source
                assert vjp(scalar, index)(0.5, x, y) == pytest.approx(0.5 * wanted, rel=1e-7, abs=1e-9)


def _central(function, point, index, step):
    above, below = list(point), list(point)
    above[index] += step
    below[index] -= step
    return (function(*above) - function(*below)) / (2 * step)


@pytest.mark.parametrize("seed", [1007, 1015, 1021, 1022, 1032])  # seeds of twice differentiable programs
def test_second_derivatives_of_random_programs_match_central_differences(seed):
    source = HELPERS + Writer(seed).function()
    scalar = scalar_function(load(source, f"<random program {seed}>", math))
    values = random.Random(seed)
    points = [(values.uniform(-2, 2), values.uniform(-2, 2)) for _ in range(4)]
    curved = 0
    for first, second in ((0, 0), (0, 1), (1, 0), (1, 1)):
        slope = derivative(scalar, first)
        curvature = derivative(slope, second)
        for point in points:
            wide, narrow = (_central(slope, point, second, step) for step in (1e-5, 5e-6))
            scale = 1 + abs(narrow)
            if abs(wide - narrow) < 1e-4 * scale < 1e5:  # away from kinks and overflow
                assert abs(curvature(*point) - narrow) < 1e-3 * scale, source + curvature.source
                curved += abs(narrow) > 1e-3
    assert curved > 8, "of 16 curvatures"
