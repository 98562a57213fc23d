"""Hydra's launchers and the search really run, where their packages are installed."""

import json
import os

import pytest

from lopa_bench.cli.main import main

pytestmark = pytest.mark.slow


@pytest.fixture
def sweep(overrides, monkeypatch):
    """Two small runs, and cores that nobody has divided yet."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    return ["-m", *overrides, "method=lopa", "train.epochs=1", "data.limit=16"]


def results(tmp_path):
    return [json.loads(path.read_text()) for path in sorted((tmp_path / "results").rglob("result.json"))]


def test_joblib(sweep, tmp_path, capfd):
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    arguments = [*sweep, "seed=0,1", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    assert main(arguments) == 0
    assert "2 jobs: 2 ran" in capfd.readouterr().out
    found = results(tmp_path)
    assert [result["seed"] for result in found] == [0, 1]
    assert all(result["threads"] == max(1, len(os.sched_getaffinity(0)) // 2) for result in found)
    assert main(arguments) == 0
    assert "2 jobs: 2 found" in capfd.readouterr().out


def test_submitit_local(sweep, tmp_path, capfd):
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    arguments = [*sweep, "seed=0,1", "hydra/launcher=submitit_local"]
    assert main(arguments) == 0
    assert "2 jobs: 2 ran" in capfd.readouterr().out
    assert [result["threads"] for result in results(tmp_path)] == [1, 1]


def test_ray(sweep, tmp_path, capfd):
    pytest.importorskip("ray")
    pytest.importorskip("hydra_plugins.hydra_ray_launcher")
    assert main([*sweep, "seed=0,1", "hydra/launcher=ray"]) == 0
    assert "2 jobs: 2 ran" in capfd.readouterr().out


def test_optuna_searches_and_finds_again(sweep, tmp_path, capfd):
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper")
    search = [
        *sweep,
        "hydra/sweeper=optuna",
        "hydra.sweeper.n_trials=4",
        "hydra.sweeper.n_jobs=1",
        "hydra.sweeper.sampler.seed=0",
        "train.lr=tag(log, interval(1e-4, 1e-1))",
    ]
    assert main(search) == 0
    assert "4 jobs: 4 ran" in capfd.readouterr().out
    (best,) = (tmp_path / "results").rglob("optimization_results.yaml")
    found = results(tmp_path)
    top = max(result["metrics_per_split"]["validation"]["glue"] for result in found)
    assert f"best_value: {top}" in best.read_text()
    # a search that was cut short is started again: the same trials are found, not run
    assert main(search) == 0
    assert "4 jobs: 4 found" in capfd.readouterr().out


def test_a_failing_job_of_a_launcher_fails_alone(sweep, capfd):
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    broken = [*sweep, "train.lr=1e-3,1e30", "train.warmup=0", "train.clip=null", "hydra/launcher=joblib"]
    assert main([*broken, "train.epochs=4", "hydra.launcher.n_jobs=1"]) == 1
    assert "1 ran · 1 failed" in capfd.readouterr().out
