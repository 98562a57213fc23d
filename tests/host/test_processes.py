"""One run in two processes gives the run of one, dropout included."""

import csv
import os
import subprocess
import sys

import pytest
from running import free_port
from safetensors.torch import load_file

from lopa_bench.cli.main import main
from lopa_bench.config.compose import load_config
from lopa_bench.host.processes import check_launched, processes
from lopa_bench.results.record import parse
from lopa_bench.run.story import run


@pytest.fixture
def plain(overrides):
    """Overrides of 56 steps, with dropout of 0.1 in the method and in the backbone's embeddings, attention and feed-forward parts."""
    return [
        *(word for word in overrides if not word.startswith(("results_dir", "train.epochs"))),
        "method=lopa",
        "method.dropout=0.1",
        "train.lr=1e-3",
        "train.epochs=8",
    ]


def as_one_of_two(rank, port):
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}


def in_process(rank, port, overrides):
    as_one_of_two(rank, port)
    first = run(load_config(overrides))
    again = run(load_config(overrides))
    assert (first.found, again.found) == (False, True)


def assert_equal_runs(results, alone):
    (path,) = results.rglob("result.json")
    result = parse(path.read_bytes())
    assert result.processes == 2
    assert result.digest == alone.result.digest
    assert result.metrics_per_split == alone.result.metrics_per_split
    assert result.parameters == alone.result.parameters
    for name in ("history.csv", "predictions.jsonl"):
        assert len((path.parent / name).read_text().splitlines()) == len(
            (alone.directory.path / name).read_text().splitlines()
        )
    losses = [
        [float(row["loss"]) for row in csv.DictReader((folder / "history.csv").open())]
        for folder in (path.parent, alone.directory.path)
    ]
    assert len(losses[0]) >= 50
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)
    ours, theirs = (load_file(folder / "trained.safetensors") for folder in (path.parent, alone.directory.path))
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        assert (value - theirs[name]).abs().max() < 1e-4, name
    written, theirs = ({p.name for p in folder.iterdir()} for folder in (path.parent, alone.directory.path))
    assert written == theirs
    assert {"result.json", "config.yaml", "history.csv", "predictions.jsonl", "trained.safetensors"} <= written


@pytest.mark.parametrize("method", ["lopa", pytest.param("lora", marks=pytest.mark.slow)])
def test_two_processes_equal_one(plain, method, forkserver, tmp_path):
    others = {"method=lopa", "method.head_size=16"} if method != "lopa" else set()
    plain = [*(word for word in plain if word not in others), f"method={method}"]
    alone = run(load_config([*plain, f"results_dir={tmp_path / 'one'}"]))
    port, arguments = free_port(), [*plain, f"results_dir={tmp_path / 'two'}"]
    processes = [forkserver.Process(target=in_process, args=(rank, port, arguments)) for rank in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(300)
    assert [process.exitcode for process in processes] == [0, 0]
    assert_equal_runs(tmp_path / "two", alone)


def asks(rank, port, told):
    as_one_of_two(rank, port)
    told.put(processes().any(rank == 1, False, rank == 0))


def test_a_flag_of_any_process_is_every_process_s(forkserver):
    told, port = forkserver.Queue(), free_port()
    both = [forkserver.Process(target=asks, args=(rank, port, told)) for rank in range(2)]
    for process in both:
        process.start()
    assert [told.get(timeout=60) for _ in both] == [[True, False, True]] * 2
    for process in both:
        process.join(60)
    assert [process.exitcode for process in both] == [0, 0]
    assert processes().any(True, False) == [True, False]


def test_one_process_in_place_of_several_is_refused(overrides, monkeypatch, capsys):
    """What `accelerate launch --cpu --num_processes 2` leaves in the environment of the one process that it starts."""
    for name, value in {"ACCELERATE_USE_CPU": "True", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"}.items():
        monkeypatch.setenv(name, value)
    assert main([*overrides, "method=lopa"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("lopa-bench: error: accelerate launch has started one process of the several")
    assert "nearest: accelerate launch --multi_gpu" in error
    monkeypatch.setenv("WORLD_SIZE", "2")
    check_launched()


@pytest.mark.slow
def test_accelerate_on_cpus_is_refused(overrides):
    """In one line if accelerate is told not to add a traceback of its own."""
    launch = "-m accelerate.commands.launch --quiet --cpu --num_processes 2 -m lopa_bench"
    done = subprocess.run([sys.executable, *launch.split(), *overrides], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("lopa-bench: error: accelerate launch has started one process")


@pytest.mark.slow
def test_torchrun_s_report_ends_with_the_error():
    """Whichever of the processes was the first to end."""
    launch = f"-m torch.distributed.run --nproc_per_node 2 --master_port {free_port()} -m lopa_bench"
    done = subprocess.run([sys.executable, *launch.split(), "task=rtee"], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    *_, last, border = done.stderr.splitlines()
    assert set(border) == {"="}
    assert "lopa-bench: error: task=rtee is not one of" in last
    assert last.endswith("nearest: task=rte")


@pytest.mark.slow
def test_accelerate_launch(plain, tmp_path):
    alone = run(load_config([*plain, f"results_dir={tmp_path / 'one'}"]))
    launch = "-m accelerate.commands.launch --multi_gpu --num_processes 2 --num_machines 1 --mixed_precision no"
    launch += f" --dynamo_backend no --main_process_port {free_port()} -m lopa_bench"
    command = [sys.executable, *launch.split(), *plain, f"results_dir={tmp_path / 'two'}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("accuracy") == 1  # one table
    assert_equal_runs(tmp_path / "two", alone)
