"""The Python interface, and docs/python.md's examples as they stand there."""

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from synthetic import write_run

import lopa_bench
from lopa_bench import load_results, run
from lopa_bench.errors import UserError

ROOT = Path(__file__).parents[1]


def python(code, folder):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def in_a_process_of_its_own(code, folder):
    """Run code there as a user would, and write what it prints beside it."""
    os.chdir(folder)
    with (folder / "printed").open("w") as printed, contextlib.redirect_stdout(printed):
        exec(code, {"__name__": "__main__"})


def test_the_pages_examples(tmp_path, forkserver):
    page = (ROOT / "docs/python.md").read_text(encoding="utf-8")
    examples = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert len(examples) == 4  # the imports, and one for each of them
    process = forkserver.Process(target=in_a_process_of_its_own, args=("\n".join(examples), tmp_path))
    process.start()
    process.join()
    assert process.exitcode == 0
    accuracy, *table, shape = (tmp_path / "printed").read_text().splitlines()
    assert 0 <= float(accuracy.split()[0]) <= 100
    assert any(line.startswith("rte") and " 2 " in line for line in table)
    assert re.fullmatch(r"torch\.Size\(\[1, \d+, 128\]\)", shape)


def test_importing_it_imports_nothing_heavy(tmp_path):
    code = """
import sys
import lopa_bench
from lopa_bench import run
print(callable(run), [name for name in ("torch", "hydra", "pandas", "pydantic") if name in sys.modules])
"""
    assert python(code, tmp_path).stdout.strip() == "True []"


@pytest.mark.parametrize("before", ["", "import lopa_bench.run.identity", "from lopa_bench.run import identity"])
def test_run_is_the_room_and_can_be_called(before, tmp_path):
    """Whichever was imported first."""
    code = f"{before}\nfrom lopa_bench import run\nimport lopa_bench.run.work\nassert run is lopa_bench.run\nrun('task=rt')"
    assert "UserError: task=rt is not one of" in python(code, tmp_path).stderr


def test_what_is_wrong_is_told_in_one_line():
    with pytest.raises(UserError, match=r"^method\.rnk=3: there is no key method\.rnk; nearest: method\.rank$"):
        run("task=rte", "method=lopa", "method.rnk=3")
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = lopa_bench.nothing
    with pytest.raises(UserError, match="no such directory"):
        load_results("/nowhere")


def test_a_frame_has_one_row_a_run_of_every_scale(tmp_path):
    write_run(tmp_path, "rte", "lopa", 0, settings={"train.lr": 0.5})
    write_run(tmp_path, "rte", "pt", 1)
    write_run(tmp_path, "mrpc", "lopa", 0, scale="paper")
    write_run(tmp_path, "sst2", "lopa", 0, schema=1)
    with pytest.warns(UserWarning, match="left out, schema 1"):
        frame = load_results(tmp_path)
    assert set(frame[["scale", "task", "method"]].itertuples(index=False, name=None)) == {
        ("mini", "rte", "lopa"),
        ("mini", "rte", "pt"),
        ("paper", "mrpc", "lopa"),
    }
    assert len(frame) == 3
    assert frame.set_index("method").loc["pt", "seed"] == 1
    assert 0.5 in set(frame["train.lr"])
    assert frame.columns.is_unique
