"""What must be importable without torch is, so that help, lists and errors answer at once."""

import subprocess
import sys
from pathlib import Path

import pytest

import lopa_bench

PACKAGE = Path(lopa_bench.__file__).parent
TORCH_FREE = [
    "host.lease",
    "host.signals",
    "host.processes",
    "host.network",
    "host.shelf",
    "models.hub",
    "run.preflight",
    "run.monitor",
    "run.memory",
]
FOLDERS = ["cli", "config", "tasks", "metrics", "report", "results", "study", "sandbox", "mini", "run/trackers"]


def modules() -> list[str]:
    found = [f"lopa_bench.{name}" for name in TORCH_FREE]
    for folder in FOLDERS:
        for path in sorted((PACKAGE / folder).rglob("*.py")):
            if path.name != "__main__.py" and "evaluate_modules" not in path.parts:
                parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
                found.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    found += [f"lopa_bench.methods.{p.stem}" for p in (PACKAGE / "methods").glob("*.py") if p.stem in METHOD_FILES]
    return found


# The files that conf/method/*.yaml point to.
METHOD_FILES = {
    line.split(".")[2]
    for path in (PACKAGE.parent / "conf" / "method").glob("*.yaml")
    for line in path.read_text().splitlines()
    if line.startswith("_target_")
}


def test_no_torch_on_the_way_to_an_answer():
    code = "import sys, importlib\n" + "\n".join(f"importlib.import_module({m!r})" for m in modules())
    code += "\nprint([m for m in ('torch', 'transformers', 'evaluate', 'peft') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("folder", "forbidden"), [("methods", "lopa_bench.tasks"), ("tasks", "lopa_bench.methods")])
def test_layers(folder, forbidden):
    for path in (PACKAGE / folder).glob("*.py"):
        assert f"from {forbidden}" not in path.read_text(), path


def test_hydra_composes_configs_and_launches_jobs_and_is_nowhere_else():
    for path in set(PACKAGE.rglob("*.py")) - {PACKAGE / "study/launch.py", PACKAGE / "study/submit.py"}:
        if "hydra" in {
            w for line in path.read_text().splitlines() if "import" in line for w in line.replace(".", " ").split()
        }:
            assert path.parent.name in {"cli", "config"}, path
