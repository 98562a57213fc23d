"""The house: which rooms there are, which may import which, and where torch may stand at the top of a file."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import lopa_bench

PACKAGE = Path(lopa_bench.__file__).parent
# From the top floor down. A room imports from the floors below its own only; rooms of one floor do not know each other.
FLOORS = [
    {"cli"},
    {"report"},
    {"study"},
    {"run", "serving"},
    {"methods"},
    {"models"},
    {"tasks"},
    {"metrics", "mini"},
    {"sandbox", "results"},
    {"config"},
    {"host"},
    {"errors"},
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
# A config holds a method, a task and a tracker, of which config/ knows the names in annotations only: it builds what it is handed.
NAMED_IN_ANNOTATIONS = {("config/schema.py", "methods"), ("config/schema.py", "tasks"), ("config/schema.py", "run")}
# Rooms in which a module may import torch when it is imported itself. All others answer before torch is loaded.
TORCH_ROOMS = {"models", "methods", "run", "serving"}
TORCH_FILES = {"host/device.py"}


def files() -> list[Path]:
    """The package's modules; `evaluate` copies its modules out of the package and runs them there."""
    return [p for p in sorted(PACKAGE.rglob("*.py")) if "evaluate_modules" not in p.parts]


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> Iterator[str]:
    """The rooms that a file imports from, inside functions and for typing too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "lopa_bench":
            parts = node.module.split(".")[1:]
            yield from parts[:1] or (alias.name for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (a.name.split(".")[1] for a in node.names if a.name.startswith("lopa_bench."))


def test_the_listing_is_the_architecture():
    """Rooms, `errors.py` and the two dunder files: nothing else stands in the hall."""
    entries = {p.name for p in PACKAGE.iterdir() if p.name != "__pycache__" and p.name != "conf"}
    rooms = set(FLOOR) - {"errors"}
    assert entries == rooms | {"errors.py", "__init__.py", "__main__.py", "py.typed"} & entries
    assert rooms <= entries


def test_tests_mirror_the_rooms():
    folders = {p.name for p in Path(__file__).parent.iterdir() if p.is_dir() and any(p.glob("test_*.py"))}
    assert folders == set(FLOOR) - {"errors"}


def test_names_of_test_files_are_unique():
    """pytest imports a test file by its name alone: two of one name end the collection."""
    names = [path.name for path in Path(__file__).parent.rglob("test_*.py")]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("path", files(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_run_down(path):
    """`__init__` and `__main__` of the package are its doors and stand above all rooms."""
    room, name = room_of(path), str(path.relative_to(PACKAGE))
    if room.startswith("__"):
        return
    for other in imported_rooms(path):
        if other != room and (name, other) not in NAMED_IN_ANNOTATIONS:
            assert FLOOR[room] < FLOOR[other], f"{name} imports from {other}, which is not below {room}"


def test_every_room_says_what_it_is_for():
    for room in set(FLOOR) - {"errors"}:
        tree = ast.parse((PACKAGE / room / "__init__.py").read_text(encoding="utf-8"))
        assert len((ast.get_docstring(tree) or "").splitlines()) >= 3, (
            f"{room}: a purpose, a blank line, what may be imported"
        )


@pytest.mark.parametrize("path", files(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_torch_at_the_top_of_a_file(path):
    if room_of(path) in TORCH_ROOMS or str(path.relative_to(PACKAGE)) in TORCH_FILES:
        return
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert not {name.split(".")[0] for name in names} & {"torch", "transformers", "peft", "evaluate", "datasets"}


@pytest.mark.parametrize("path", files(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_and_functions_are_short(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 250
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 60, node.name
