"""Nothing outside methods/ knows which method it has. The study's tables and claims name what they show: that is their subject."""

import ast
from pathlib import Path

import pytest

import lopa_bench
from lopa_bench.config.files import choices, read

PACKAGE = Path(lopa_bench.__file__).parent
NAMES = set(choices("method"))
# What others may import: what every method is, what it makes of a backbone, and what is counted or written of that.
PUBLIC = {
    "base",
    "adapted",
    "parts",
    "instance_encoder",
    "footprint",
    "counts",
    "paper_values",
    "export",
    "probe",
    "placement",
    "readout",
}
CLASSES = {
    node.name
    for path in (PACKAGE / "methods").glob("*.py")
    for node in ast.walk(ast.parse(path.read_text()))
    if isinstance(node, ast.ClassDef)
}
OUTSIDE = [
    path
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.relative_to(PACKAGE).parts[0] not in {"methods", "study", "sandbox", "conf"}
]


def test_there_is_something_to_look_for():
    assert {"lopa", "none"} <= NAMES
    assert {"Lopa", "Method", "AdaptedModel", "PrefixModel"} <= CLASSES
    targets = {read(f"method/{name}")["_target_"] for name in NAMES}
    assert not {target.split(".")[2] for target in targets} & PUBLIC
    assert len(OUTSIDE) > 100


def strings(node: ast.expr) -> set[str]:
    """The text constants of a value, of a tuple, list or set, or of a dictionary's keys."""
    parts = getattr(node, "elts", None) or getattr(node, "keys", None) or [node]
    return {part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)}


def knows(tree: ast.AST) -> list[str]:
    """What in a file depends on which method it has, by line."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for module in [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]:
                if module.startswith("lopa_bench.methods.") and module.split(".")[2] not in PUBLIC:
                    found.append(f"{node.lineno}: imports {module}")
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"isinstance", "issubclass"}:
            named = {getattr(part, "attr", getattr(part, "id", "")) for part in ast.walk(node.args[1])}
            found += [f"{node.lineno}: asks for a {name}" for name in named & CLASSES]
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"getattr", "hasattr"}:
            of_method = {"method"} & {getattr(node.args[0], "attr", ""), getattr(node.args[0], "id", "")}
            found += [
                f"{node.lineno}: asks a {of} for what not every one has" for of in of_method if strings(node.args[1])
            ]
        if isinstance(node, ast.Compare):
            compared = set().union(*(strings(part) for part in (node.left, *node.comparators)))
            about = {getattr(part, "attr", getattr(part, "id", "")) for part in ast.walk(node)}
            found += [f"{node.lineno}: compares with {n}" for n in compared & NAMES if n != "none" or "method" in about]
        if isinstance(node, ast.Dict) and len(strings(node) & NAMES - {"none"}) > 0:
            found.append(f"{node.lineno}: a table by method")
    return found


@pytest.mark.parametrize("path", OUTSIDE, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_it_knows_no_method(path):
    assert knows(ast.parse(path.read_text())) == []


@pytest.mark.parametrize(
    "code",
    [
        "if isinstance(method, (SoftPromptMethod, Lora)): pass",
        "from lopa_bench.methods.lora import Lora",
        "import lopa_bench.methods.prefix",
        "if config.method.name == 'lora': pass",
        "if run.method == 'none': pass",
        "if name in {'pt', 'dept'}: pass",
        "RANKS = {'lopa': 4}",
        "if getattr(config.method, 'rank', None) == 4: pass",
    ],
)
def test_it_is_found(code):
    assert len(knows(ast.parse(code))) >= 1
