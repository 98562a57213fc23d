"""The results' pages show the numbers that their generated tables have."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def pages():
    spec = importlib.util.spec_from_file_location("pages", ROOT / "scripts/pages.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["pages"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["pages"]


@pytest.mark.parametrize("scale", ["mini", "small"])
def test_a_page_has_its_tables_numbers(pages, scale):
    page = ROOT / "results" / scale / "README.md"
    text, _ = pages.renewed(page)
    assert text == page.read_text(encoding="utf-8"), f"python scripts/pages.py results/{scale}/README.md"


def test_a_row_takes_the_numbers_of_the_table_and_what_no_table_has_stays(pages, tmp_path):
    (tmp_path / "tables").mkdir()
    columns = "| Method | RTE | MRPC |\n| --- | ---: | ---: |\n"
    ours = f"{columns}| LOPA\\_add | **1.0** | 2.0 |\n| PT | 3 | 4 |\n| IDPG | — | — |\n"
    papers = f"{columns}| LOPA\\_add | 9 | 9 |\n"
    (tmp_path / "tables/glue.md").write_text(f"## GLUE\n\n{ours}\nNote.\n\n## The paper's\n\n{papers}")
    page = tmp_path / "README.md"
    other = "| Other | x |\n| --- | --- |\n| PT | 7 |\n"
    page.write_text(f"# Page\n\n{columns}| Majority | 5 | 5 |\n| LOPA_add | 0 | 0 |\n\nText.\n\n{other}")
    text, notes = pages.renewed(page)
    assert text == page.read_text().replace("| LOPA_add | 0 | 0 |", "| LOPA_add | **1.0** | 2.0 |")
    assert [note.split(": ", 1)[1] for note in notes] == ["no table has the row 'Majority'", "does not show 'PT'"]
