"""Check the layering: a package imports from lower levels only, and no two files import each other."""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "tensorlab"

LEVELS = {
    0: "errors start",
    1: "absent checking environment forks limits loading markup scopes terminal version",
    2: "arguments autodiff dtypes lazy references registry scalars shapes waiting",
    3: "datasets host_arrays rules serialization windows",
    4: "attributes kernels pictures",
    5: "backends",
    6: "devices",
    7: "tensor",
    8: "ops",
    9: "linalg random variable",
    10: "activations callbacks constraints gradients initializers losses optimizers plans regularizers utils",
    11: "inspection layers metrics",
    12: "debug saving",
    13: "kernel_list models",
    14: "plugins",
    15: "building einops sklearn",
    16: "testing",
    17: "commands",
    18: "__init__ __main__",
}
"""The packages and single modules of each level."""

LEVEL = {package: level for level, packages in LEVELS.items() for package in packages.split()}


def modules_of(package: Path) -> dict[str, Path]:
    """Return the file of each module of a package, or of a single module, by its absolute name."""
    files = sorted(package.rglob("*.py")) if package.is_dir() else [package]
    return {
        ".".join(path.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__"): path
        for path in files
    }


MODULES = modules_of(PACKAGE)
DISTRIBUTIONS = [PACKAGE, ROOT / "cuda" / "tensorlab_cuda", *sorted((ROOT / "plugins").glob("*/tensorlab_*"))]
"""Everything that is installed as a package: tensorlab, its CUDA backend and the example plugins."""


def package_of(module: str) -> str:
    return [*module.split("."), "__init__"][1]


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def imports(
    module: str, path: Path, inside_functions: bool = True, for_types: bool = False
) -> Iterator[tuple[str, int]]:
    """Yield the absolute names that a file imports, each with its line.

    Args:
        module: the name of the module.
        path: its file.
        inside_functions: whether to include imports inside of functions.
        for_types: whether to include imports for annotations only, in ``if TYPE_CHECKING:``.
    """
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]

    def visit(node: ast.AST) -> Iterator[tuple[str, int]]:
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((f"{source}.{alias.name}", node.lineno) for alias in node.names)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) and not inside_functions:
            return
        skipped = node.body if is_type_checking(node) and not for_types else ()
        for child in ast.iter_child_nodes(node):
            if child not in skipped:
                yield from visit(child)

    return visit(ast.parse(path.read_text(encoding="utf-8")))


def imported_module(name: str, modules: Mapping[str, Path] = MODULES) -> str:
    """Return the module that an imported name is, or is in; an empty text if it is none of these."""
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name


def import_graph(modules: Mapping[str, Path]) -> dict[str, set[str]]:
    """Return which other modules each module imports, anywhere in its file and for any purpose."""
    graph = {}
    for module, path in modules.items():
        names = [name for name, _ in imports(module, path, for_types=True)]
        graph[module] = {imported_module(name, modules) for name in names} - {module, ""}
    return graph


def cycle_in(graph: Mapping[str, set[str]]) -> list[str]:
    """Return the modules of one import cycle, first and last the same, or an empty list."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def test_all_kinds_of_imports_are_found(tmp_path: Path) -> None:
    file = tmp_path / "sample.py"
    file.write_text(
        "import a.b, c\n"
        "from d import e as f\n"
        "from . import g\n"
        "from .h import i\n"
        "from ..j import k\n"
        "if TYPE_CHECKING:\n    import hidden\nelse:\n    import shown\n"
        "class C:\n    import l\n"
        "def function():\n    try:\n        import m\n    finally:\n        import n\n"
    )
    early = ["a.b", "c", "d.e", "top.package.g", "top.package.h.i", "top.j.k", "shown", "l"]
    assert [name for name, _ in imports("top.package.sample", file)] == [*early, "m", "n"]
    assert [name for name, _ in imports("top.package.sample", file, inside_functions=False)] == early


def test_import_cycle_is_found(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    files = {
        "__init__": "from package.top import function",
        "top": "from package import middle",
        "middle": "def function():\n    from package.low import value\n",
        "low": "import math",
    }
    for name, text in files.items():
        (package / f"{name}.py").write_text(text)
    graph = import_graph(modules_of(package))
    assert graph["package.middle"] == {"package.low"}
    assert graph["package.top"] == {"package.middle"}
    assert cycle_in(graph) == []
    (package / "low.py").write_text("if TYPE_CHECKING:\n    from package.top import function\n")
    assert set(cycle_in(import_graph(modules_of(package)))) == {"package.top", "package.middle", "package.low"}


@pytest.mark.parametrize("package", DISTRIBUTIONS, ids=lambda path: path.stem)
def test_no_files_import_each_other(package: Path) -> None:
    """Imports inside functions and for annotations count too; code that two files need belongs below both."""
    graph = import_graph(modules_of(package))
    assert graph, f"no modules in {package}"
    assert cycle_in(graph) == []


def test_every_package_has_a_level() -> None:
    packages = {package_of(module) for module in MODULES}
    assert packages - set(LEVEL) == set(), "add the new package to LEVELS"
    assert set(LEVEL) - packages <= {"__main__"}, "remove the deleted package from LEVELS"
    assert len(LEVEL) == sum(len(names.split()) for names in LEVELS.values())


@pytest.mark.parametrize("module", MODULES)
def test_module_imports_only_from_levels_below(module: str) -> None:
    package = package_of(module)
    upwards = []
    for name, line in imports(module, MODULES[module]):
        if name.split(".")[0] == "tensorlab":
            other = package_of(imported_module(name))
            if other != package and LEVEL[other] >= LEVEL[package]:
                upwards.append(f"line {line}: {name} is on level {LEVEL[other]}, {module} on level {LEVEL[package]}")
    assert upwards == []


COMPILERS = {"numba", "llvmlite"}


@pytest.mark.parametrize("module", [module for module in MODULES if package_of(module) != "kernels"])
def test_numba_is_imported_only_in_the_kernels_package(module: str) -> None:
    names = [name for name, _ in imports(module, MODULES[module])]
    assert [name for name in names if name.split(".")[0] in COMPILERS] == []
    at_import = [name for name, _ in imports(module, MODULES[module], inside_functions=False)]
    kernels = {imported_module(name) for name in at_import if name.startswith("tensorlab.kernels")}
    if module != "tensorlab.building":  # which programs do not import
        assert kernels <= {"tensorlab.kernels", "tensorlab.kernels.catalogue"}


def test_tensorlab_does_not_import_cuda() -> None:
    reaching = [
        f"{module}: {name}"
        for module, path in MODULES.items()
        for name, _ in imports(module, path)
        if name.split(".")[0] in ("cuda", "tensorlab_cuda") or name.startswith(("numba.cuda", "numba_cuda"))
    ]
    assert reaching == []


def test_only_one_module_imports_numba_cuda() -> None:
    folder = ROOT / "cuda" / "tensorlab_cuda"
    calling = {
        str(path.relative_to(folder)): [name for name, _ in imports(path.stem, path) if name.startswith("numba")]
        for path in folder.rglob("*.py")
    }
    assert calling["driver.py"] != []
    simulating = ("simulator.py", "simulator_threads.py")
    assert all(name.startswith("numba.cuda.simulator") for file in simulating for name in calling[file])
    assert [file for file, names in calling.items() if names and file not in ("driver.py", *simulating)] == []


def test_cuda_folder_is_not_a_package() -> None:
    assert not (ROOT / "cuda" / "__init__.py").exists(), "it would hide NVIDIA's namespace package"


def test_names_of_test_files_are_unique() -> None:
    files = [path for path in ROOT.rglob("test_*.py") if not {".git", ".venv", "build"} & set(path.parts)]
    names = [path.name for path in files]
    assert Path(__file__).name in names
    assert sorted({name for name in names if names.count(name) > 1}) == []
    assert [path.parent / "__init__.py" for path in files if (path.parent / "__init__.py").exists()] == []


def test_cuda_plugins_and_examples_import_only_public_names() -> None:
    private = []
    for folder in ("cuda", "plugins", "examples"):
        for path in (ROOT / folder).rglob("*.py"):
            for name, line in imports(path.stem, path):
                parts = name.split(".")
                if parts[0] == "tensorlab" and any(part.startswith("_") and part != "__version__" for part in parts):
                    private.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    assert private == []
