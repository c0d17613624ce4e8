"""pi / 2 to 60 decimal places, and 2 / pi to any precision, for trigonometric functions and their inverses."""

PI_OVER_TWO = "1.570796326794896619231321691639751442098584699687552910487472"


def two_over_pi(bits: int) -> int:
    """Return floor(2**bits · 2 / pi) ± 1, by Machin's formula pi / 4 = 4 atan(1 / 5) - atan(1 / 239)."""
    one = 1 << (bits + 64)

    def arctangent_of_inverse(x: int) -> int:
        term, total, divisor = one // x, one // x, 1
        while term:
            term = -term // (x * x)
            divisor += 2
            total += term // divisor
            if abs(term) <= 1:
                break
        return total

    pi = 4 * (4 * arctangent_of_inverse(5) - arctangent_of_inverse(239))
    return (one << (bits + 1)) // pi
