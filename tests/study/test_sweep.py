"""Sweeps: finished runs are skipped, a failed one stops nothing, many processes do each run once."""

import contextlib
import dataclasses
import json
import math
import os
import random
import re
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from running import measured
from synthetic import write_run

from lopa_bench.cli.main import main
from lopa_bench.cli.status import state
from lopa_bench.config.compose import load_config
from lopa_bench.config.overrides import check_keys
from lopa_bench.errors import RunFailed, UserError
from lopa_bench.host.lease import Busy, Lease, Owner
from lopa_bench.host.processes import Processes
from lopa_bench.models.shelf import MODELS
from lopa_bench.results.directory import LOCK, RunDirectory
from lopa_bench.run import identity, inputs, memory, records
from lopa_bench.run.story import run
from lopa_bench.study import jobs, rounds, submit, sweep
from lopa_bench.tasks.rows import load_records


def test_what_fails_in_one_of_several_processes_ends_it(tmp_path, monkeypatch):
    """The others wait in the job for it: were it to begin the next one, all would wait for ever."""

    class Launched(Processes):
        def in_all(self, error):
            return isinstance(error, UserError) and not isinstance(error, RunFailed)

    monkeypatch.setattr(sweep, "processes", Launched)

    def failing(error):
        def fail():
            raise error

        return fail

    folder = tmp_path / "0"
    folder.mkdir()
    assert sweep.run_job(failing(UserError("refused")), folder, ["seed=0"]) is None
    with pytest.raises(RunFailed, match="out of memory"):
        sweep.run_job(failing(RunFailed("out of memory")), folder, ["seed=0"])
    assert jobs.read(tmp_path)[0].state == "failed"


def test_ran_found_failed(overrides, tmp_path, capsys, monkeypatch):
    small = ["train.epochs=1", "data.limit=16", "train.warmup=0", "train.clip=null", "method=lopa", "seed=0,1"]
    words = ["-m", *overrides, *small]
    assert main([*words, "train.lr=1e30,1e-3"]) == 1
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == "4 jobs: 2 failed · 2 ran"  # the second follows a failed one
    assert "ran         seed=1 train.lr=0.001  glue " in out
    assert "failed      seed=0 train.lr=1e+30  the loss is not finite at step 2" in out
    logs = [line.split(": ")[1] for line in out.splitlines() if line.strip().startswith("log:")]
    assert len(logs) == 2
    assert "TrainingDiverged" in Path(logs[0]).read_text()

    asked = []
    monkeypatch.setattr(BasicLauncher, "launch", lambda *given: asked.append(given))
    assert main([*words, "train.lr=1e-3"]) == 0
    assert asked == []  # Hydra composes no config of a finished run: for five hundred of them that took two minutes
    assert capsys.readouterr().out.splitlines()[-1] == "2 jobs: 2 found"
    assert main(["status", f"results_dir={tmp_path / 'results'}"]) == 0
    told = capsys.readouterr().out
    assert "2 done, 0 running, 0 stopped, 2 failed" in told
    assert told.count("the loss is not finite at step 2") == 2  # after another sweep, too


def test_status_tells_results_that_cannot_be_read_from_finished_runs(tmp_path):
    folders = [tmp_path / "mini" / "rte" / "mini_mlm" / "lopa" / f"{seed}-0" for seed in range(4)]
    for folder, content in zip(folders, ['{"schema": 2}', '{"schema": 2', "[1]", "[" * 200_000], strict=True):
        folder.mkdir(parents=True)
        (folder / "result.json").write_text(content)

    def damaged():
        told = state(tmp_path).splitlines()
        return told[0], [line.split()[1][-3:] for line in told[1:] if line.startswith("damaged")]

    assert damaged() == (f"{tmp_path}: 1 done, 0 running, 0 stopped, 3 with a damaged result", ["1-0", "2-0", "3-0"])
    (folders[1] / "result.json").write_text('{"schema": 2}')  # made anew
    (folders[2] / "progress.json").write_text('{"stage": "failed", "why": "out of memory"}')  # tried again
    with Lease(folders[3] / "run.lock"):
        assert damaged() == (f"{tmp_path}: 2 done, 1 running, 0 stopped, 1 failed", [])
        assert "out of memory" in state(tmp_path)


@pytest.mark.parametrize("content", [b'{"schema": 2}', b"[1]", b"\xff\xfe", b'{"metric": "glue"}'])
def test_what_is_no_whole_result_is_not_a_finished_run(tmp_path, content):
    (tmp_path / "predictions.jsonl").write_text("{}\n")
    (tmp_path / "result.json").write_bytes(content)
    assert RunDirectory(tmp_path, "", {}).result() is None


def test_a_result_of_another_schema_is_refused_by_name(tmp_path):
    (tmp_path / "predictions.jsonl").write_text("{}\n")
    (tmp_path / "result.json").write_text('{"schema": 7}')
    with pytest.raises(UserError, match=r"result\.json: schema 7, this version reads 2"):
        RunDirectory(tmp_path, "", {}).result()


def test_claimed_elsewhere_is_left_alone(overrides, capsys):
    config = load_config([*overrides, "method=lopa", "seed=1"])
    directory = directory_of(config)
    with directory.lease():
        with pytest.raises(Busy):
            run(config)
        words = ["-m", *overrides, "method=lopa", "train.epochs=2", "seed=0,1"]
        assert main([*words, "wait=false"]) == 1  # not everything is done
        assert "1 ran · 1 elsewhere" in capsys.readouterr().out
        assert main([*overrides, "method=lopa", "seed=1"]) == 1
        assert "does this run at the moment" in capsys.readouterr().err
        assert main(["status", f"results_dir={config.results_dir}"]) == 0
        assert "1 done, 1 running" in capsys.readouterr().out


def test_a_sweep_waits_for_what_others_do_and_does_what_they_leave(overrides, capsys, monkeypatch):
    """Seed 0 is finished by the other process, seed 1 left undone by a machine that dies."""
    monkeypatch.setattr("lopa_bench.study.rounds.LOOK_EVERY", 0.01)
    small = [*overrides, "method=lopa", "train.epochs=1", "data.limit=16"]
    lefts = [directory_of(load_config([*small, f"seed={seed}"])) for seed in (0, 1)]
    for directory in lefts:
        directory.create()
    theirs = [Lease(directory.path / LOCK) for directory in lefts]
    for lock in theirs:
        lock.owner = dataclasses.replace(lock.owner, machine="node7/another boot/1")
        lock.path.write_text(json.dumps(dataclasses.asdict(lock.owner)))
    passed = []

    def a_while(seconds):
        assert seconds == 0.01
        passed.append(seconds)
        if len(passed) == 3:
            theirs[0].path.unlink()
            run(load_config([*small, "seed=0"]))
        if len(passed) == 6:
            os.utime(theirs[1].path, (0, 0))  # no heart beat any more

    monkeypatch.setattr("lopa_bench.study.rounds.time.sleep", a_while)
    assert main(["-m", *small, "seed=0,1"]) == 0
    out = capsys.readouterr().out
    assert "2 of 2 jobs are done by other processes; waits for them" in out
    assert out.splitlines()[-1] == "2 jobs: 1 found · 1 ran"
    assert len(passed) == 6


def test_what_a_process_died_over_is_begun_once_more_and_told(tmp_path, capsys):
    """Of three jobs, one kills its process each time, one the first time; a launcher that is broken by it leaves the third."""
    begun = []

    def launch(todo):
        for number, job in todo.items():
            begun.append(number)
            place = folder / str(number)
            place.mkdir(exist_ok=True)
            before = jobs.known(place / jobs.JOB) or job
            state = "ran" if number == 2 or (number == 1 and before.starts) else "running"
            deaths = before.deaths + (before.state == "running")
            jobs.write(place, dataclasses.replace(before, state=state, starts=before.starts + 1, deaths=deaths))
            if state == "running":
                return  # as joblib, which ends all processes when one is killed

    with sweep.planned(tmp_path, [["seed=0"], ["seed=1"], ["seed=2"]]) as folder:
        rounds.carry_out(folder, launch, wait=True)
        assert sweep.finish(folder) == 1
    assert begun == [0, 0, 1, 1, 2]
    out = capsys.readouterr().out
    assert "died        seed=0  its process ended without a word" in out
    assert "3 jobs: 1 died · 2 ran · 1 of them after a process died" in out
    main(["status", f"results_dir={tmp_path}"])
    assert "is over: 1 died · 2 ran" in capsys.readouterr().out


def test_a_launcher_that_begins_nothing_is_not_asked_for_ever(tmp_path, capsys):
    with sweep.planned(tmp_path, [["seed=0"], ["seed=1"]]) as folder:
        asked = []
        rounds.carry_out(folder, asked.append, wait=True)
        assert sweep.finish(folder) == 1
    assert len(asked) == 1
    assert "2 jobs: 2 waiting" in capsys.readouterr().out


def test_a_sweep_that_is_told_to_stop_begins_nothing(tmp_path):
    with sweep.planned(tmp_path, [["seed=0"]]) as folder:
        rounds.stop(folder)
        assert sweep.run_job(lambda: 1 / 0, folder / "0", ["seed=0"]) is None
        assert jobs.read(folder)[0].state == "waiting"


def test_a_machine_that_does_not_see_the_results_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("lopa_bench.study.sweep.SEEN_WITHIN", 0.0)
    with sweep.planned(tmp_path, [["seed=0"]]) as folder:
        sweep.check_seen(folder)
        (folder / jobs.PLAN).unlink()
        with pytest.raises(
            UserError, match=f"results_dir={tmp_path}: .* does not see what the sweep has written there"
        ):
            sweep.check_seen(folder)


def test_a_killed_sweep_leaves_no_lock(tmp_path):
    dead = tmp_path / sweep.FOLDER / "dead" / sweep.LOCK
    dead.parent.mkdir(parents=True)
    dead.write_text(json.dumps(dataclasses.asdict(dataclasses.replace(Owner.me(), started=-1000.0))))
    with sweep.planned(tmp_path, []) as folder:
        assert not dead.exists()
        assert sweep.is_alive(folder)
    assert not (folder / sweep.LOCK).exists()


def directory_of(config):
    records = load_records(config.task, config.data, config.offline)
    return identity.directory(config, records.with_holdout())


def test_status_tells_how_far(overrides, monkeypatch, capsys):
    config = load_config([*overrides, "method=lopa"])
    seen = []

    def look(monitor, progress, loss):
        monitor._written_at = 0.0
        step(monitor, progress, loss)
        if progress.step == 10:
            main(["status", f"results_dir={config.results_dir}"])
            seen.append(capsys.readouterr().out)

    step = __import__("lopa_bench.run.monitor", fromlist=["Monitor"]).Monitor.step
    monkeypatch.setattr("lopa_bench.run.monitor.Monitor.step", look)
    run(config)
    assert "1 running" in seen[0]
    assert re.search(r"epoch 2 of 2, step 10 of 14, 0:\d\d:\d\d left  process \d+ on ", seen[0])


@pytest.mark.parametrize(
    ("squeue", "says"), [(None, "is over"), ("echo >&2; exit 1", "SLURM's squeue does not answer (Command")]
)
def test_status_of_what_a_cluster_was_given_elsewhere(tmp_path, monkeypatch, capsys, squeue, says):
    """Without SLURM on this machine none of its jobs is in a queue here; of a queue that does not answer it says so, and the rest."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}")
    if squeue:
        (tmp_path / "bin/squeue").write_text(f"#!/bin/sh\n{squeue}\n")
        (tmp_path / "bin/squeue").chmod(0o755)
    with sweep.planned(tmp_path, [["seed=0"]]) as folder:
        submit.note(folder, "slurm", {0: dataclasses.make_dataclass("Submitted", ["job_id"])("7_0")})
    assert main(["status", f"results_dir={tmp_path}"]) == 0
    printed = capsys.readouterr().out
    assert says in printed
    assert "0 done" in printed
    assert "1 waiting" in printed
    if squeue is None:
        assert submit.queued(tmp_path / sweep.FOLDER / "mine") == set()


def test_a_job_of_a_search_that_wrote_nothing_of_its_jobs_has_its_own_name():
    assert jobs.label(jobs.Job(("task=rte", "seed=0")), []) == "task=rte seed=0"


@pytest.mark.parametrize(
    ("better", "split", "says"),
    [
        (True, "validation", "best        seed=1  glue 60.00; the search went by glue 90.00 on validation\n"),
        (False, "validation", "best        seed=0  glue 70.00; the search went by glue 80.00 on validation\n"),
        (True, "test", "best        seed=0  glue 70.00; the search went by the reported split itself\n"),
    ],
)
def test_the_best_trial_is_the_selection_splits_not_the_reported_ones(tmp_path, capsys, better, split, says):
    with sweep.planned(tmp_path, []) as folder:
        for seed, reported, selected in ((0, 70.0, 80.0), (1, 60.0, 90.0)):
            scores = {"validation": {"glue": selected}, "test": {"glue": reported}}
            kept = {name: scores[name] for name in {split, "test"}}
            path = write_run(
                tmp_path, seed=seed, metrics={"glue": reported}, reported_split="test", metrics_per_split=kept
            )
            done = {"state": "ran", "score": f"glue {reported:.2f}", "directory": str(path)}
            (folder / str(seed)).mkdir()
            jobs.write(folder / str(seed), jobs.Job(("task=rte", f"seed={seed}"), **done))
        (folder / "2").mkdir()
        jobs.write(folder / "2", jobs.Job(("task=rte", "seed=2"), "failed", error="diverged"))
        sweep.say_best(folder, better)
    assert capsys.readouterr().out == says


def test_status_of_waiting_and_stopped(tmp_path, capsys):
    with sweep.planned(tmp_path, [["seed=0"], ["seed=1"]]):
        main(["status", f"results_dir={tmp_path}"])
        assert "goes on: 2 waiting" in capsys.readouterr().out
    main(["status", f"results_dir={tmp_path}"])
    assert "is over: 2 waiting" in capsys.readouterr().out
    assert main(["status", "results=x"]) == 2
    assert main(["status", f"results_dir={tmp_path / 'none'}"]) == 2


def test_jobs_share_what_they_read(overrides, monkeypatch):
    """The second job of a process reads, tokenises and loads nothing, and gets the numbers of a process of its own."""
    for kept in (records.RECORDS, inputs.SPLITS, MODELS):
        kept.clear()
    alone = run(load_config([*overrides, "method=lopa", "seed=1"]))
    for kept in (records.RECORDS, inputs.SPLITS, MODELS):
        kept.clear()
    run(load_config([*overrides, "method=lopa", "seed=0"]))

    def never(*_, **__):
        raise AssertionError("read again")

    monkeypatch.setattr("lopa_bench.run.records.load_records", never)
    monkeypatch.setattr("lopa_bench.run.inputs.encode", never)
    monkeypatch.setattr("lopa_bench.models.backbone.AutoModelForMaskedLM.from_pretrained", never)
    again = run(load_config([*overrides, "method=lopa", "seed=1", "force=true"]))
    assert measured(again.result) == measured(alone.result)
    name = "trained.safetensors"
    assert (again.directory.path / name).read_bytes() == (alone.directory.path / name).read_bytes()


def test_sharing_sees_changed_files(overrides, rte_files):
    config = load_config([*(word for word in overrides if "head_size" not in word), "method=none", "train.epochs=0"])
    before = run(config).result.digest
    path = rte_files / "glue/RTE/dev.tsv"
    text = path.read_text(encoding="utf-8-sig")
    try:
        path.write_text(text.replace("entailment", "not_entailment", 1).replace("not_not_", "not_"), encoding="utf-8")
        assert run(config).result.digest != before
    finally:
        path.write_text("\ufeff" + text, encoding="utf-8")


def test_overhead_between_jobs(overrides, tmp_path):
    """What a job costs beside its own work: here a run that is there already, in a process that has done another."""
    run(load_config([*overrides, "method=lopa"]))
    started = time.process_time()
    assert run(load_config([*overrides, "method=lopa"])).found
    assert time.process_time() - started < 0.5


def work(config, seeds, order):
    """What a process of the load test did: (seed, whether it was the one that ran it)."""
    seeds = random.Random(order).sample(seeds, len(seeds))
    done = []
    for seed in seeds:
        try:
            outcome = run(dataclasses.replace(config, seed=seed, resolved={**config.resolved, "seed": seed}))
            done.append((seed, not outcome.found))
        except Busy:
            done.append((seed, False))
    return done


@pytest.mark.parametrize(("processes", "runs"), [(3, 9), pytest.param(8, 200, marks=pytest.mark.slow)])
def test_many_processes_on_one_results_folder(overrides, forkserver, processes, runs):
    config = load_config([*overrides, "method=lopa", "train.epochs=1", "data.limit=16"])
    seeds = list(range(runs))
    with forkserver.Pool(processes) as pool:
        parts = pool.starmap(work, [(config, seeds, i) for i in range(processes)])
    ran = [seed for part in parts for seed, by_itself in part if by_itself]
    assert sorted(ran) == seeds  # each exactly once
    results = sorted(config.results_dir.rglob("result.json"))
    assert sorted(json.loads(path.read_text())["seed"] for path in results) == seeds  # none lost, none torn
    left = {path.name for folder in results for path in folder.parent.iterdir()}
    assert left == {
        "result.json",
        "config.yaml",
        "history.csv",
        "predictions.jsonl",
        "prompts.npz",
        "trained.safetensors",
    }


def test_a_claim_in_the_way_of_the_folder(overrides, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["-m", *overrides, f"results_dir={tmp_path / 'file'}", "seed=0,1"]) == 2
    assert "is a file; name another folder" in capsys.readouterr().err
    with pytest.raises(Exception, match="cannot be written"), Lease(tmp_path / "none" / "run.lock"):
        pass


def test_a_launcher_that_is_not_installed_is_named(overrides, monkeypatch, capsys):
    monkeypatch.setattr("lopa_bench.config.launchers.find_spec", lambda name: None)
    assert main(["-m", *overrides, "seed=0,1", "hydra/launcher=joblib"]) == 2
    assert "pip install 'lopa-bench[joblib]'" in capsys.readouterr().err


def test_slurm_without_a_cluster_is_one_line(overrides, monkeypatch, capsys):
    monkeypatch.setattr("lopa_bench.config.launchers.find_spec", lambda name: True)
    monkeypatch.setenv("PATH", "")
    assert main(["-m", *overrides, "seed=0,1", "hydra/launcher=submitit_slurm"]) == 2
    assert "there is no srun on the PATH" in capsys.readouterr().err
    assert main(["-m", *overrides, "seed=0,1", "detach=true"]) == 2
    assert "detach=true: the jobs of this launcher end with the sweep" in capsys.readouterr().err


@pytest.mark.parametrize(("installed", "works"), [("1.3.0", False), ("1.4.0rc3", True)])
def test_a_searchs_database_is_refused_where_it_would_fail(overrides, monkeypatch, installed, works):
    monkeypatch.setattr("lopa_bench.config.launchers.find_spec", lambda name: True)
    monkeypatch.setattr("lopa_bench.config.launchers.version", lambda name: installed)
    refused = pytest.raises(UserError, match=r"hydra\.sweeper\.storage=.*: a database takes hydra-optuna-sweeper 1\.4")
    with contextlib.nullcontext() if works else refused:
        check_keys(["hydra/sweeper=optuna", "hydra.sweeper.storage='sqlite:///study.db'"], multirun=True)


def test_an_array_is_named_after_its_tasks_and_methods(overrides):
    config = load_config([*(word for word in overrides if "head_size" not in word), "method=pt"])
    todo = dict(
        enumerate([jobs.Job(("task=rte", "seed=0")), jobs.Job(("task=mrpc", "seed=0")), jobs.Job(("task=rte",))])
    )
    assert submit.job_name(todo, config) == "rte+mrpc-pt"
    needed = memory.estimate(config).on_cpu(submit.PROGRAM)
    assert submit.memory(config, on_gpu=False) == math.ceil(needed / 10**9) == 3  # that of Python and torch


@pytest.mark.parametrize(
    ("nodes", "tasks", "added"), [(1, 1, None), (1, 2, [submit.TOGETHER]), (2, 1, [submit.TOGETHER])]
)
def test_slurm_ends_all_tasks_of_a_run_where_one_fails(nodes, tasks, added):
    params = {"nodes": nodes, "tasks_per_node": tasks, "cpus_per_task": 1, "mem_gb": 1, "setup": None, "name": "mine"}
    params |= {"cpus_per_gpu": None, "timeout_min": 60, "additional_parameters": {}}
    launcher = SimpleNamespace(_EXECUTOR="slurm", params=params)
    for _ in range(2):  # a sweep asks once a round
        submit.ask_for(launcher, {0: jobs.Job(("task=rte",))}, load_config(["task=rte", "method=pt"]))
    assert params["setup"] == added


def test_memory_asked_of_slurm_for_a_gpu_has_room_for_a_checkpoint_of_every_process():
    """Full fine-tuning of RoBERTa-large writes parameters, moments and the best epoch's: sixteen bytes for each of 355 million."""
    config = load_config(["scale=paper", "task=rte", "method=fft", "selection=holdout"])
    assert submit.memory(config, on_gpu=True) == pytest.approx((submit.PROGRAM + 16 * 355e6) / 1e9, abs=1)
    assert submit.memory(config, on_gpu=True, processes=4) == pytest.approx(
        4 * submit.memory(config, on_gpu=True), abs=4
    )


def test_what_is_in_the_queue_already_is_waited_for(tmp_path, monkeypatch):
    """Another sweep has submitted seed 0; it is launched here only once the queue has let go of it."""
    looks = iter([{"7_0"}, {"7_0"}])
    monkeypatch.setattr("lopa_bench.study.submit._of_slurm", lambda: next(looks, set()))
    monkeypatch.setattr("lopa_bench.study.rounds.time.sleep", lambda seconds: waited.append(seconds))
    waited, launched = [], []

    def launch(todo):
        launched.extend(todo)
        for number, job in todo.items():
            (mine / str(number)).mkdir()
            jobs.write(mine / str(number), dataclasses.replace(job, state="ran"))

    with sweep.planned(tmp_path, [["seed=0"]]) as theirs:
        submit.note(theirs, "slurm", {0: dataclasses.make_dataclass("Submitted", ["job_id"])("7_0")})
    mine = tmp_path / sweep.FOLDER / "mine"
    mine.mkdir()
    (mine / jobs.PLAN).write_text(json.dumps({"jobs": [["seed=0"], ["seed=1"]]}))
    rounds.carry_out(mine, launch, wait=True)
    assert launched == [1, 0]
    assert waited == [rounds.LOOK_AT_QUEUE_EVERY]
