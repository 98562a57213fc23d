"""Which GPUs a process computes on, with a count that is made up."""

import multiprocessing
import os

import pytest
import torch

from lopa_bench.host import gpus
from lopa_bench.study import jobs, pool, sweep


@pytest.fixture
def four(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.delenv(gpus.VISIBLE, raising=False)


@pytest.mark.parametrize(("named", "seen"), [(None, "0123"), ("2,3", "23"), ("", ""), ("-1", ""), ("GPU-8", ["GPU-8"])])
def test_what_is_set_is_respected(four, monkeypatch, named, seen):
    if named is not None:
        monkeypatch.setenv(gpus.VISIBLE, named)
    assert gpus.visible() == list(seen)


def test_each_process_has_its_own_and_more_processes_share_evenly(tmp_path):
    assert ["".join(gpus.claim(tmp_path, ["0", "1", "5"], 1)) for _ in range(6)] == ["0", "1", "5", "0", "1", "5"]
    (tmp_path / "pairs").mkdir()
    assert ["".join(gpus.claim(tmp_path / "pairs", list("01234"), 2)) for _ in range(3)] == ["01", "23", "01"]
    (tmp_path / "few").mkdir()
    assert gpus.claim(tmp_path / "few", ["0"], 2) == ["0"]


def test_later_jobs_of_a_process_have_the_same(four, monkeypatch, tmp_path):
    """Also where the launcher has set the variable anew, and the first job did not come to use them."""
    with sweep.planned(tmp_path, []) as folder:
        seen = []
        for _ in range(2):
            monkeypatch.setenv(gpus.VISIBLE, "3")
            sweep.take_gpus(folder, 2)
            seen.append(os.environ[gpus.VISIBLE])
    assert seen == ["0,1", "0,1"]


def take(folder, each, barrier):
    torch.cuda.device_count = lambda: 4
    os.environ[gpus.VISIBLE] = "0"  # as submitit shows each process of this machine the first
    sweep.take_gpus(folder, each)
    (folder / f"{os.getpid()}.txt").write_text(os.environ[gpus.VISIBLE])
    barrier.wait(60)  # both live


@pytest.mark.parametrize(("named", "each", "taken"), [(None, 1, ["0", "1"]), ("2,3,6,7", 2, ["2,3", "6,7"])])
def test_a_launchers_processes_take_different_ones(four, monkeypatch, forkserver, tmp_path, named, each, taken):
    if named is not None:
        monkeypatch.setenv(gpus.VISIBLE, named)
    with sweep.planned(tmp_path, []) as folder:
        barrier = forkserver.Barrier(2)
        processes = [forkserver.Process(target=take, args=(folder, each, barrier)) for _ in range(2)]
        for process in processes:
            process.start()
        for process in processes:
            process.join(60)
        assert sorted(path.read_text() for path in folder.glob("*.txt")) == taken


def test_reproduce_leaves_the_choice_to_who_has_made_it(monkeypatch, tmp_path):
    """Its workers divide CUDA_VISIBLE_DEVICES=2,3 among themselves."""
    monkeypatch.setenv(gpus.VISIBLE, "2,3")
    given = []

    class Process:
        pid = None

        def __init__(self, target, args):
            given.append(args[-1])

        def start(self):
            pass

    context = multiprocessing.get_context("forkserver")
    monkeypatch.setattr(type(context), "Process", Process)
    monkeypatch.setattr(pool, "_wait", lambda *_: None)
    monkeypatch.setattr(pool, "carry_out", lambda folder, launch, wait: launch(jobs.numbered(folder)))
    assert len(pool.run_all([pool.Command([], None)] * 3, tmp_path, 3)) == 3
    assert given == ["2", "3", "2"]
