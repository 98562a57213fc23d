"""docs/quickstart.ipynb runs from its first cell to its last in an empty folder, and shows what a run there shows."""

import os
import re
from pathlib import Path

import pytest
from running import needs

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_the_quickstart_runs(tmp_path, monkeypatch):
    client = needs("nbclient", "notebook")
    needs("ipykernel", "notebook")
    import nbformat

    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    page = nbformat.read(ROOT / "docs/quickstart.ipynb", as_version=4)
    shown = [text_of(cell) for cell in page.cells]
    client.NotebookClient(
        page, timeout=280, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    told = [text_of(cell) for cell in page.cells]
    counts = r"[\d,]+ parameters as the paper counts, [\d,]+ got gradients"
    assert re.findall(counts, "".join(told)) == re.findall(counts, "".join(shown)) != []
    assert "4 jobs: 1 found · 3 ran" in "".join(told)
    assert any("image/png" in output.get("data", {}) for cell in page.cells for output in cell.get("outputs", []))
    assert len(re.findall(r"Yes -?\d+\.\d\d, No -?\d+\.\d\d", told[-1])) == 2


def text_of(cell):
    """What a cell has printed and given."""
    return "".join(o.get("text") or o.get("data", {}).get("text/plain", "") for o in cell.get("outputs", []))
