"""`lopa-bench reproduce`, which `make reproduce-tables` calls: what it plans, and its processes side by side."""

import json
import os
import signal
import subprocess
import sys
import time

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


def test_jobs_run_side_by_side_and_one_that_fails_stops_none(overrides, forkserver, tmp_path, capfd):
    results = tmp_path / "results"
    small = [*overrides, "method=lopa", "train.epochs=1", "data.limit=16", "train.warmup=0", "train.clip=null"]
    jobs = [
        reproduce.Command([*small, f"results_dir={results}", f"seed={seed}", f"train.lr={lr}"], None)
        for seed, lr in ((0, 1e-3), (1, 1e30), (2, 1e-3))
    ]
    made = reproduce.run_all(jobs, results, 2)
    assert [job.state for job in made] == ["ran", "failed", "ran"]
    assert [job.diverged for job in made] == [False, True, False]
    out = capfd.readouterr().out
    assert "3 jobs: " in out
    assert "1 failed" in out
    assert "2 ran" in out
    seeds = {json.loads(path.read_text())["seed"] for path in results.glob("*/*/*/*/*/result.json")}
    assert seeds == {0, 2}


def test_the_plan_says_how_long_it_takes_side_by_side(capsys, tmp_path):
    """By the runs that are there: half as long in two processes."""
    write_run(tmp_path, "rte", "lopa")
    words = ["-n", "--table", "glue", "--fast", "--results-dir", str(tmp_path)]
    assert reproduce.main([*words, "--workers", "2"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("in 2 processes side by side: ")


def test_what_is_left_is_told_from_how_long_runs_take_not_from_how_many_they_are():
    """The slow ones come first: 100 of 119 s expected are over after 200 s."""
    jobs = [reproduce.Command([], seconds) for seconds in (100.0, 9.0, None, 1.0)]  # unknown: as the middle one, 9
    assert reproduce.time_left(jobs, [True, False, False, False], 200.0 * 60) == "about 38 min"
    assert reproduce.time_left(jobs, [False] * 4, 200.0) == ""


def test_the_report_is_written_for_whatever_is_there(tmp_path):
    reproduce.write_report(tmp_path, "mini", True, ["glue"])
    assert "| LOPA |" in (tmp_path / "mini" / "tables" / "glue.md").read_text()
    assert (tmp_path / "mini" / "tables" / "claims.json").is_file()
    assert (tmp_path / "mini" / "report.html").is_file()


CTRL_C = """
import sys, time
from pathlib import Path
from lopa_bench.cli import reproduce
from lopa_bench.host import signals
from lopa_bench.study import sweep

def run_job(run, folder, overrides):
    with signals.held() as received:
        (folder / "began").touch()
        deadline = time.monotonic() + 60
        while not received and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(1)  # to the end of a step, while a second signal may come
        (folder / "saved").touch()
    raise KeyboardInterrupt

sweep.run_job = run_job
reproduce.PRELOADED = []  # torch is not needed here
if __name__ == "__main__":
    with signals.raised():
        reproduce.run_all([reproduce.Command([], None)] * 2, Path({results!r}), 2)
"""


def test_ctrl_c_in_a_terminal_reaches_a_worker_once(tmp_path):
    """A terminal signals the whole foreground group; the workers must still come to their checkpoint, and end."""
    script = tmp_path / "main.py"
    script.write_text(CTRL_C.format(results=str(tmp_path / "results")))
    process = subprocess.Popen([sys.executable, str(script)], start_new_session=True, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(list(tmp_path.rglob("began"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(60) != 0
    assert len(list(tmp_path.rglob("saved"))) == 2
