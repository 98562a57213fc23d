"""`lopa-bench reproduce`, which `make reproduce-tables` calls: what it plans and what it writes."""

import pytest
from synthetic import write_run

from lopa_bench.cli import reproduce
from lopa_bench.errors import UserError
from lopa_bench.host import extras


def test_a_dry_run_shows_the_plan_and_runs_nothing(tmp_path, capsys):
    assert reproduce.main(["-n", "--fast", "--table", "glue", "--results-dir", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "lopa-bench -m task=rte,mrpc,sst2,qnli,mnli,qqp method=lopa data.limit=60 train.epochs=2 seed=0" in out
    assert "36 runs planned, 36 missing" in out
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_still_to_be_made_is_planned_and_not_made(tmp_path, capsys):
    new = tmp_path / "new"
    assert reproduce.main(["-n", "--fast", "--table", "glue", "--results-dir", str(new)]) == 0
    assert "36 runs planned, 36 missing" in capsys.readouterr().out
    assert not new.exists()


def test_what_the_page_needs_is_asked_for_before_the_first_run(tmp_path, monkeypatch):
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="reproduce needs the package matplotlib: pip install"):
        reproduce.main(["table=glue", "fast=true", f"results_dir={tmp_path / 'runs'}"])
    assert not (tmp_path / "runs").exists()


def test_the_plan_says_how_long_it_takes_side_by_side(capsys, tmp_path):
    """By the runs that are there: half as long in two processes."""
    write_run(tmp_path, "rte", "lopa")
    words = ["-n", "--table", "glue", "--fast", "--results-dir", str(tmp_path)]
    assert reproduce.main([*words, "--workers", "2"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("in 2 processes side by side: ")


def test_the_report_is_written_for_whatever_is_there(tmp_path):
    reproduce.write_report(tmp_path, "mini", True, ["glue"])
    assert "| LOPA |" in (tmp_path / "mini" / "tables" / "glue.md").read_text()
    assert (tmp_path / "mini" / "tables" / "claims.json").is_file()
    assert (tmp_path / "mini" / "report.html").is_file()
