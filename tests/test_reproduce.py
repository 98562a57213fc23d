"""`make reproduce-tables`: what it plans, and its processes side by side."""

import importlib
import json
from pathlib import Path

import pytest


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "scripts"))
    return importlib.import_module("reproduce_tables")


def test_a_dry_run_shows_the_plan_and_runs_nothing(script, tmp_path, capsys):
    assert script.main(["-n", "--fast", "--table", "glue", "--results-dir", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "lopa-bench -m task=rte,mrpc,sst2,qnli,mnli,qqp method=lopa data.limit=300 seed=0" in out
    assert out.splitlines()[-1].startswith("36 runs planned, 36 missing")
    assert not list(tmp_path.iterdir())


def test_jobs_run_side_by_side_and_one_that_fails_stops_none(script, overrides, tmp_path, capfd):
    results = tmp_path / "results"
    small = [*overrides, "method=lopa", "train.epochs=1", "data.limit=16", "train.warmup=0", "train.clip=null"]
    jobs = [
        [*small, f"results_dir={results}", f"seed={seed}", f"train.lr={lr}"]
        for seed, lr in ((0, 1e-3), (1, 1e30), (2, 1e-3))
    ]
    assert script.run_all(jobs, results, workers=2) == 1
    out = capfd.readouterr().out
    assert "3 jobs: " in out
    assert "1 failed" in out
    assert "2 ran" in out
    seeds = {json.loads(path.read_text())["seed"] for path in results.glob("*/*/*/*/*/result.json")}
    assert seeds == {0, 2}


def test_the_report_is_written_for_whatever_is_there(script, tmp_path):
    words = ["--results-dir", str(tmp_path), "--scale", "mini", "--fast"]
    script.write_report(words, tmp_path / "tables", ["glue"])
    assert "| LOPA |" in (tmp_path / "tables" / "glue.md").read_text()
    assert (tmp_path / "tables" / "claims.json").is_file()
    assert (tmp_path / "report.html").is_file()
