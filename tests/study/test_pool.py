"""Runs side by side: one that fails, what is left, Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import time

from lopa_bench.study import pool


def test_jobs_run_side_by_side_and_one_that_fails_stops_none(overrides, forkserver, tmp_path, capfd):
    results = tmp_path / "results"
    small = [*overrides, "method=lopa", "train.epochs=1", "data.limit=16", "train.warmup=0", "train.clip=null"]
    jobs = [
        pool.Command([*small, f"results_dir={results}", f"seed={seed}", f"train.lr={lr}"], None)
        for seed, lr in ((0, 1e-3), (1, 1e30), (2, 1e-3))
    ]
    made = pool.run_all(jobs, results, 2)
    assert [job.state for job in made] == ["ran", "failed", "ran"]
    assert [job.diverged for job in made] == [False, True, False]
    out = capfd.readouterr().out
    assert "3 jobs: " in out
    assert "1 failed" in out
    assert "2 ran" in out
    seeds = {json.loads(path.read_text())["seed"] for path in results.glob("*/*/*/*/*/result.json")}
    assert seeds == {0, 2}


def test_what_is_left_is_told_from_how_long_runs_take_not_from_how_many_they_are():
    """The slow ones come first: 100 of 119 s expected are over after 200 s."""
    jobs = [pool.Command([], seconds) for seconds in (100.0, 9.0, None, 1.0)]  # unknown: as the middle one, 9
    assert pool.time_left(jobs, [True, False, False, False], 200.0 * 60) == "about 38 min"
    assert pool.time_left(jobs, [False] * 4, 200.0) == ""


CTRL_C = """
import sys, time
from pathlib import Path
from lopa_bench.host import signals
from lopa_bench.study import pool, sweep

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
pool.PRELOADED = []  # torch is not needed here
if __name__ == "__main__":
    with signals.raised():
        pool.run_all([pool.Command([], None)] * 2, Path({results!r}), 2)
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
