"""Hydra's launchers and the search really run, where their packages are installed."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import fake_slurm
import psutil
import pytest
from running import needs

from lopa_bench.cli.main import main
from lopa_bench.host.lease import owner_of
from lopa_bench.study.launch import NO_END

pytestmark = pytest.mark.slow


@pytest.fixture
def sweep(overrides, monkeypatch):
    """Two small runs, and cores that nobody has divided yet."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    return ["-m", *overrides, "method=lopa", "train.epochs=1", "data.limit=16"]


def results(tmp_path):
    return [json.loads(path.read_text()) for path in sorted((tmp_path / "results").rglob("result.json"))]


def test_joblib(sweep, tmp_path, capfd):
    needs("hydra_plugins.hydra_joblib_launcher", "joblib")
    arguments = [*sweep, "seed=0,1", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    assert main(arguments) == 0
    assert "2 jobs: 2 ran" in capfd.readouterr().out
    found = results(tmp_path)
    assert [result["seed"] for result in found] == [0, 1]
    assert all(result["threads"] == max(1, len(os.sched_getaffinity(0)) // 2) for result in found)
    assert main(arguments) == 0
    assert "2 jobs: 2 found" in capfd.readouterr().out


def test_submitit_local(sweep, tmp_path, capfd):
    needs("hydra_plugins.hydra_submitit_launcher", "submitit")
    arguments = [*sweep, "seed=0,1", "hydra/launcher=submitit_local"]
    assert main(arguments) == 0
    assert "2 jobs: 2 ran" in capfd.readouterr().out
    assert [result["threads"] for result in results(tmp_path)] == [1, 1]


def test_two_tasks_of_submitit_are_one_run(sweep, tmp_path, capfd):
    needs("hydra_plugins.hydra_submitit_launcher", "submitit")
    assert main([*sweep, "seed=0", "hydra/launcher=submitit_local", "hydra.launcher.tasks_per_node=2"]) == 0
    assert "1 jobs: 1 ran" in capfd.readouterr().out
    assert [result["processes"] for result in results(tmp_path)] == [2]


SECOND_FAILS = """
import os
if os.environ.get("SUBMITIT_LOCAL_LOCALID") == "1":
    from lopa_bench.run import gradients
    def backward(*_, **__): raise ValueError("of the second")
    gradients.backward = backward
"""


def test_a_task_that_fails_is_seen_to_fail_by_what_ends_the_others(sweep, tmp_path, monkeypatch, capfd):
    """Its process does not end as if all were well: srun would let the others wait for it."""
    needs("hydra_plugins.hydra_submitit_launcher", "submitit")
    (tmp_path / "sitecustomize.py").write_text(SECOND_FAILS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert main([*sweep, "seed=0", "hydra/launcher=submitit_local", "hydra.launcher.tasks_per_node=2"]) == 1
    told = capfd.readouterr()
    assert "1 jobs: 1 failed" in told.out
    assert "Traceback" not in told.err
    (log,) = tmp_path.rglob("*_1_log.err")
    assert "of the second" in log.read_text()
    assert not list(tmp_path.rglob("*_1_result.pkl"))


def test_a_killed_job_of_submitit_is_begun_again(overrides, tmp_path):
    """Of two, each in a process of its own, the other is not disturbed."""
    needs("hydra_plugins.hydra_submitit_launcher", "submitit")
    folder = tmp_path / "results"
    words = [*overrides, "method=lopa", "train.epochs=20", "checkpoint_every=0", "seed=0,1"]
    command = [sys.executable, "-m", "lopa_bench", "-m", *words, "hydra/launcher=submitit_local"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    os.kill(at_work(folder, 2)[0], signal.SIGKILL)
    out, errors = process.communicate(timeout=250)
    assert process.returncode == 1, errors
    assert "Traceback" not in errors
    assert re.search(r"job [01] was lost: ", errors)
    assert out.splitlines()[-1] == "2 jobs: 2 ran · 1 of them after a process died"
    starts = [json.loads(path.read_text())["starts"] for path in folder.rglob("job.json")]
    assert sorted(starts) == [1, 2]


@pytest.fixture
def long_sweep(overrides):
    """A sweep of three runs in a process of its own that a test can send signals to; by joblib two of them at a time."""
    words = [*overrides, "method=lopa", "train.epochs=20", "checkpoint_every=0", "seed=0,1,2"]

    def start(*launcher):
        extra = {"submitit_local": "submitit"}.get(launcher[0], launcher[0])
        needs(f"hydra_plugins.hydra_{extra}_launcher", extra)
        command = [sys.executable, "-m", "lopa_bench", "-m", *words, f"hydra/launcher={launcher[0]}", *launcher[1:]]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, start_new_session=True, **pipes)

    return start


JOBLIB = ("joblib", "hydra.launcher.n_jobs=2")


def at_work(folder, count):
    """The process ids of `count` jobs in training, once there are as many."""
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        saved = {path.parent for path in folder.rglob("checkpoint.pt")}
        owners = [owner_of(path) for path in folder.rglob("run.lock") if path.parent in saved]
        if len(owners) >= count and all(owners):
            return [owner.pid for owner in owners]
        time.sleep(0.05)
    raise AssertionError("nothing trains")


def trained(folder):
    return {path.parent.name: path.read_bytes() for path in folder.rglob("trained.safetensors")}


def test_a_killed_worker_is_told_and_everything_is_done(long_sweep, tmp_path, capfd):
    results = tmp_path / "results"
    process = long_sweep(*JOBLIB)
    os.kill(at_work(results, 2)[0], signal.SIGKILL)
    out, errors = process.communicate(timeout=280)
    assert process.returncode == 1, errors
    assert "Traceback" not in errors
    assert errors.count("the launcher stopped: TerminatedWorkerError") == 1
    assert "3 jobs: 3 ran · 2 of them after a process died" in out  # joblib takes the second one along
    main(["status", f"results_dir={results}"])
    assert "is over: 3 ran" in capfd.readouterr().out
    killed = trained(results)
    shutil.rmtree(results)
    process = long_sweep(*JOBLIB)
    process.communicate(timeout=280)
    assert process.returncode == 0
    assert trained(results) == killed


@pytest.mark.parametrize(
    ("launcher", "at_once"),
    [(JOBLIB, 2), (("submitit_local",), 3), (("ray", "+hydra.launcher.ray.init.num_cpus=2"), 2)],
    ids=lambda words: words[0] if isinstance(words, tuple) else "",
)
def test_ctrl_c_lets_every_worker_save(long_sweep, tmp_path, monkeypatch, launcher, at_once):
    monkeypatch.setenv("RAY_worker_niceness", "0")
    results = tmp_path / "results"
    process = long_sweep(*launcher)
    pids = at_work(results, at_once)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert not list(results.rglob("*.lock"))
    assert len(list(results.rglob("checkpoint.pt"))) == at_once
    psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], timeout=30)
    assert not any(map(psutil.pid_exists, pids))
    states = [json.loads(path.read_text())["state"] for path in results.rglob("job.json")]
    assert states == ["interrupted"] * at_once


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """A SLURM that is this machine; its folder."""
    needs("hydra_plugins.hydra_submitit_launcher", "submitit")
    folder = tmp_path / "slurm"
    folder.mkdir()
    fake_slurm.install(folder)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def wait_for(found, what):
    """The first thing that `found` finds."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if value := found():
            return value
        time.sleep(0.1)
    raise AssertionError(f"no {what}")


def test_slurm_runs_the_array_and_a_warned_job_goes_on_where_it_was(overrides, slurm, tmp_path):
    """SIGUSR2 before the end of a job's time: a checkpoint, back into the queue, and the undisturbed run's result."""
    results = tmp_path / "results"
    words = [*overrides, "method=lopa", "train.epochs=20", "checkpoint_every=1000", "seed=0,1"]
    sweep = [sys.executable, "-m", "lopa_bench", "-m", *words, "hydra/launcher=submitit_slurm"]
    process = subprocess.Popen(sweep, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def training():
        return [path for path in results.rglob("progress.json") if json.loads(path.read_text())["stage"] == "training"]

    lock = wait_for(training, "training")[0].with_name("run.lock")
    assert not list(results.rglob("checkpoint.pt"))
    os.kill(owner_of(lock).pid, signal.SIGUSR2)
    out, errors = process.communicate(timeout=250)
    assert process.returncode == 0, errors
    assert out.splitlines()[-1] == "2 jobs: 2 ran"
    assert (slurm / "requeued").read_text() == "100_0\n"
    starts = {path.parent.name: json.loads(path.read_text())["starts"] for path in results.rglob("job.json")}
    assert starts == {"0": 2, "1": 1}
    text = (slurm / "100.sh").read_text()
    assert "#SBATCH --job-name=rte-lopa" in text
    assert "#SBATCH --cpus-per-task=4" in text
    assert re.search(r"#SBATCH --mem=\d+GB", text)
    assert "asks SLURM for 4 CPUs and " in errors
    warned = trained(results)
    shutil.rmtree(results)
    assert main(["-m", *words]) == 0
    assert trained(results) == warned


def test_a_detached_array_is_not_submitted_twice(sweep, slurm, tmp_path, capsys):
    detached = [*sweep, "seed=0,1", "hydra/launcher=submitit_slurm", "detach=true"]
    assert main(detached) == 0
    assert "2 jobs are in the queue (100)" in capsys.readouterr().out
    assert main(["status", f"results_dir={tmp_path / 'results'}"]) == 0
    assert re.search(r"is left to the queue, with \d jobs: ", capsys.readouterr().out)
    assert main(detached) == 0
    assert "nothing to submit" in capsys.readouterr().out
    wait_for(lambda: len(results(tmp_path)) == 2, "results")
    assert main(detached) == 0
    assert "nothing to submit" in capsys.readouterr().out
    assert main([*sweep, "seed=0,1"]) == 0
    assert "2 jobs: 2 found" in capsys.readouterr().out
    assert len(list(slurm.glob("*.sh"))) == 1


def test_ray(sweep, tmp_path, capfd):
    needs("hydra_plugins.hydra_ray_launcher", "ray")
    assert main([*sweep, "seed=0,1", "hydra/launcher=ray"]) == 0
    assert "2 jobs: 2 ran" in capfd.readouterr().out


@pytest.fixture
def two_nodes(tmp_path, monkeypatch):
    """A Ray cluster of two nodes, started in another folder than the sweep is."""
    needs("hydra_plugins.hydra_ray_launcher", "ray")
    from ray.cluster_utils import Cluster

    (tmp_path / "nodes").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.setenv("RAY_worker_niceness", "0")  # Ray's workers give way to whatever else the machine does
    monkeypatch.chdir(tmp_path / "nodes")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    cluster.add_node(num_cpus=1)
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    yield
    cluster.shutdown()


def test_a_ray_cluster_writes_where_the_command_is_given_and_survives_a_killed_worker(two_nodes, overrides, tmp_path):
    kept = [word for word in overrides if not word.startswith("results_dir")]
    words = [*kept, "method=lopa", "train.epochs=20", "checkpoint_every=0", "seed=0,1,2", "results_dir=results"]
    command = [sys.executable, "-m", "lopa_bench", "-m", *words]
    on_ray = [*command, "hydra/launcher=ray_cluster"]
    process = subprocess.Popen(on_ray, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    os.kill(at_work(tmp_path / "here/results", 2)[0], signal.SIGKILL)
    out, errors = process.communicate(timeout=250)
    assert process.returncode == 1, errors
    assert (
        "3 jobs: 3 ran · 1 of them after a process died" in out
    )  # Ray echoes the lines of its workers when it comes to it
    assert "Traceback" not in out + errors
    assert not list((tmp_path / "nodes").iterdir())
    killed = trained(tmp_path / "here")
    again = subprocess.run(on_ray, capture_output=True, text=True, check=False)
    assert again.returncode == 0
    assert "3 jobs: 3 found" in again.stdout
    shutil.rmtree(tmp_path / "here/results")
    subprocess.run(command, check=True)
    assert trained(tmp_path / "here") == killed


def test_optuna_searches_and_finds_again(sweep, tmp_path, capfd):
    needs("hydra_plugins.hydra_optuna_sweeper", "optuna")
    search = [
        *sweep,
        "hydra/sweeper=optuna",
        "hydra.sweeper.n_trials=4",
        "hydra.sweeper.n_jobs=1",
        "hydra.sweeper.sampler.seed=0",
        "train.lr=tag(log, interval(1e-4, 1e-1))",
    ]
    assert main(search) == 0
    out = capfd.readouterr().out
    assert "4 jobs: 4 ran" in out
    (best,) = (tmp_path / "results").rglob("optimization_results.yaml")
    found = results(tmp_path)
    top = max(result["metrics_per_split"]["validation"]["glue"] for result in found)
    assert f"best_value: {top}" in best.read_text()
    tied = [each["config"]["train"]["lr"] for each in found if each["metrics_per_split"]["validation"]["glue"] == top]
    assert any(f"best        train.lr={rate}  glue " in out for rate in tied)
    assert out.endswith(f"; the search went by glue {top:.2f} on validation\n")
    # a search that was cut short is started again: the same trials are found, not run
    assert main(search) == 0
    assert "4 jobs: 4 found" in capfd.readouterr().out


def test_a_search_that_cannot_begin_or_stops_says_so_by_its_status(sweep, tmp_path, capfd):
    needs("hydra_plugins.hydra_optuna_sweeper", "optuna")
    search = [*sweep, "hydra/sweeper=optuna", "train.lr=interval(1e-4, 1e-1)"]
    for wrong in ("hydra.sweeper.n_trial=2", "hydra/sweeper/sampler=xyz", "hydra.sweeper.max_failure_rate=2"):
        assert main([*search, wrong]) == 2
        error = capfd.readouterr().err
        assert "please report" not in error
        assert len(error.splitlines()) == 1
        assert not (tmp_path / "results/.sweeps").exists()
    assert main([*search, "hydra/sweeper/sampler=grid"]) == 1  # which takes no interval
    assert "the launcher stopped" in capfd.readouterr().err


@pytest.mark.parametrize(("told", "minutes"), [([], NO_END), (["hydra.launcher.timeout_min=60"], 60)])
def test_no_job_on_this_machine_has_an_end_that_nobody_asked_for(sweep, monkeypatch, told, minutes):
    needs("hydra_plugins.hydra_submitit_launcher", "submitit")
    given = []

    def submit(launcher, jobs):
        given.append(launcher.params["timeout_min"])
        raise KeyboardInterrupt

    monkeypatch.setattr("lopa_bench.study.launch.submit", submit)
    main([*sweep, "seed=0", "hydra/launcher=submitit_local", *told])
    assert set(given) == {minutes}


def test_a_failing_job_of_a_launcher_fails_alone(sweep, capfd):
    needs("hydra_plugins.hydra_joblib_launcher", "joblib")
    broken = [*sweep, "train.lr=1e-3,1e30", "train.warmup=0", "train.clip=null", "hydra/launcher=joblib"]
    assert main([*broken, "train.epochs=4", "hydra.launcher.n_jobs=1"]) == 1
    assert "1 ran · 1 failed" in capfd.readouterr().out
