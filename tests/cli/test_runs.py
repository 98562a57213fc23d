"""``lopa-bench runs``: filtered, sorted, in every format."""

import csv
import io
import json

import pandas as pd
import pytest
from synthetic import write_run

from lopa_bench.cli.main import main
from lopa_bench.results.frame import load_results


@pytest.fixture
def runs(tmp_path, capsys):
    for method, score, settings in (("lopa", 80.0, {}), ("pt", 85.0, {}), ("lopa", 70.0, {"method.rank": 3})):
        write_run(tmp_path, "rte", method, metrics={"glue": score}, settings=settings)

    def call(*words, status=0):
        assert main(["runs", f"results_dir={tmp_path}", *words]) == status
        return capsys.readouterr()

    return call


def test_the_best_score_first(runs):
    assert [run["score"] for run in json.loads(runs("format=json", "sort=score").out)] == [85.0, 80.0, 70.0]


def test_runs_of_every_scale_are_listed(runs, tmp_path):
    write_run(tmp_path, "sst2", "lopa", scale="small", metrics={"glue": 75.0}, settings={})
    assert len(json.loads(runs("format=json").out)) == 4
    assert [run["task"] for run in json.loads(runs("format=json", "scale=small").out)] == ["sst2"]
    assert len(json.loads(runs("format=json", "where=method=lopa").out)) == 3


def test_where_takes_fields_and_config_keys(runs):
    (run,) = json.loads(runs("format=json", "where=method=lopa", "where=method.rank=3").out)
    assert (run["differs"], run["table"]) == ("method.rank=3", False)


def test_what_no_run_has_is_told(runs):
    assert (
        "where=method=lop: no run has it; they have lopa, pt; nearest: where=method=lopa"
        in runs("where=method=lop", status=2).err
    )
    assert "where=foo=1: no run has it; none has foo" in runs("where=foo=1", status=2).err
    rank, commit = json.loads(runs("format=json", "where=method.rank=3.0").out), runs("where=commit=1e3", status=2).err
    assert [run["differs"] for run in rank] == ["method.rank=3"]  # the same number
    assert "where=commit=1e3: no run has it" in commit
    either = json.loads(runs("format=json", "where=method.rank=3", "where=method.rank=4").out)
    assert len(either) > len(rank)


def test_formats_hold_the_same_runs(runs, tmp_path):
    plain = json.loads(runs("format=json").out)
    assert [float(row["score"]) for row in csv.DictReader(io.StringIO(runs("format=csv").out))] == [80.0, 70.0, 85.0]
    runs("format=parquet", f"output={tmp_path / 'runs.parquet'}")
    assert pd.read_parquet(tmp_path / "runs.parquet")["differs"].tolist() == [run["differs"] for run in plain]
    assert runs("format=markdown").out.count("\n") == 2 + len(plain)
    shown = runs().out
    assert "rte lopa" in shown
    assert "method.rank=3" in shown
    assert "3 settings, 3 runs" in shown


def test_parquet_needs_a_file(runs, tmp_path):
    assert "give output=FILE" in runs("format=parquet", status=2).err
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    for place in ("folder", "file/runs.parquet"):
        assert str(tmp_path / "f") in runs("format=parquet", f"output={tmp_path / place}", status=2).err


def test_the_report_says_how_many_runs_fit_no_table(runs, tmp_path, capsys):
    assert main(["report", f"results_dir={tmp_path}"]) == 0
    assert "1 run fits no table of the paper: lopa-bench runs" in capsys.readouterr().out


def test_a_number_is_the_same_however_it_is_spelled(tmp_path, capsys):
    """In what a report keeps, and in what a plan is told."""
    write_run(tmp_path, "rte", "pt", settings={"train.lr": 0.001})

    def of(*words, status=0):
        assert main([*words, f"results_dir={tmp_path}"]) == status
        return capsys.readouterr()

    assert "80.00" in of("report", "table=glue", "where=train.lr=1e-3").out
    mistyped = of("report", "table=glue", "where=train.lr=1e-4", status=2).err
    assert "report: where=train.lr=0.0001: no run has it; they have 0.001" in mistyped
    missing = {
        of("plan", "table=glue", f"train.lr={rate}").out.splitlines()[-1].split(":")[0]
        for rate in ("0.001", "1e-3", "0.0010")
    }
    assert len(missing) == 1


def test_runs_of_somebodys_own_task_or_method_are_named_and_the_others_listed(tmp_path, capsys):
    """Their folder of conf/ is not here: of these runs no number can be told to be right."""
    for method in ("pt", "lopa"):
        write_run(tmp_path, "rte", method)
    for key, seed in (("task", 0), ("task", 1), ("method", 2)):
        path = write_run(tmp_path, "rte", "lora", seed) / "result.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {key: "theirs"}))
    for command in (["runs"], ["verify"], ["report"], ["report", "html"], ["answer"]):
        assert main([*command, f"results_dir={tmp_path}"]) in (0, 1), command
        told = [line for line in capsys.readouterr().err.splitlines() if "conf/" in line]
        assert "2 runs: skipped, conf/ has no task=theirs; conf.path=DIR names the folder that has it" in told, command
        assert any(
            line.endswith("conf/ has no method=theirs; conf.path=DIR names the folder that has it") for line in told
        )
    assert len(load_results(tmp_path)) == 5  # as data they are all there
