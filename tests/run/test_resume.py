"""An interrupted run goes on to the bit-identical result; nothing that stops it leaves half a result."""

import contextlib
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time

import pytest
import torch
from running import complaints, measured

from lopa_bench.cli.main import main
from lopa_bench.config.compose import load_config
from lopa_bench.errors import Interrupted, RunFailed
from lopa_bench.host import signals
from lopa_bench.host.files import write_text
from lopa_bench.host.processes import Processes
from lopa_bench.results.record import parse
from lopa_bench.run.checkpoint import Checkpoints
from lopa_bench.run.losses import LossLog
from lopa_bench.run.progress import Progress
from lopa_bench.run.speed import memory_advice
from lopa_bench.run.story import run
from lopa_bench.run.train import Training

FILES = ("trained.safetensors", "history.csv", "predictions.jsonl", "prompts.npz")


@pytest.fixture(scope="module")
def undisturbed(module_overrides):
    """The result and files of a run that nothing stopped."""
    outcome = run(load_config([*module_overrides("undisturbed"), "method=lopa"]))
    return measured(outcome.result), {name: (outcome.directory.path / name).read_bytes() for name in FILES}


@pytest.fixture(scope="module")
def module_overrides(tmp_path_factory, run_overrides):
    """Overrides with a results folder of their own; the encoder is trained, so that dropout is drawn at every step."""
    root = tmp_path_factory.mktemp("resume")
    return lambda name: [*run_overrides(root / name), "train.epochs=3", "method.freeze_encoder=false"]


def slow(*values):
    return pytest.param(*values, marks=pytest.mark.slow)


def stop_at(monkeypatch, step, signum=signal.SIGINT):
    """Send `signum` to this process in the middle of a step."""
    add = LossLog.add

    def interrupting(log, *values):
        add(log, *values)
        if log.progress.step == step:
            os.kill(os.getpid(), signum)

    monkeypatch.setattr(LossLog, "add", interrupting)


def test_pending_losses_are_those_of_all_processes():
    """A checkpoint of two processes, each with its share of a loss, goes on in one or in two."""

    class Rank(Processes):
        main = True

        def __init__(self, main, other):
            self.main, self.other = main, other

        def sum(self, tensor):
            return tensor + self.other

    def history(ranks, shares):
        saved, made = [], []
        for rank, share in zip(ranks, shares, strict=True):
            log = LossLog(Progress(), 3, rank)
            log.add(torch.tensor(share), torch.tensor(1.0), 0.1)
            saved.append(log.state())
        for rank in (Processes(), Rank(True, 0.0), Rank(False, 1.0)):
            progress = Progress()
            log = LossLog(progress, 3, rank)
            log.resume(progress, saved[0], torch.device("cpu"))
            log.flush()
            made.append(progress.history[0]["loss"])
        return made

    assert history([Rank(True, 0.7), Rank(False, 0.3)], [0.3, 0.7]) == pytest.approx([1.0, 1.0, 1.0])


def assert_same(outcome, undisturbed):
    result, files = undisturbed
    assert measured(outcome.result) == result
    for name, content in files.items():
        assert (outcome.directory.path / name).read_bytes() == content, name
    assert sorted(p.name for p in outcome.directory.path.iterdir()) == sorted([*FILES, "config.yaml", "result.json"])


@pytest.mark.parametrize("step", [0, slow(4), 6, 7, slow(13), 20])  # 7 steps an epoch
def test_goes_on_bit_for_bit(module_overrides, undisturbed, monkeypatch, step):
    overrides = [*module_overrides(f"stopped{step}"), "method=lopa"]
    with monkeypatch.context() as patch:
        stop_at(patch, step)
        with pytest.raises(KeyboardInterrupt):
            run(load_config(overrides))
    torch.rand(7)  # what else the process draws in between does not matter
    assert_same(run(load_config(overrides)), undisturbed)


@pytest.mark.parametrize("disk_is_full", [False, True])
def test_a_signal_while_the_last_checkpoint_is_saved(module_overrides, monkeypatch, disk_is_full):
    overrides = [*module_overrides(f"late-{disk_is_full}"), "method=lopa", "checkpoint_every=0", "train.epochs=1"]
    save, saved = Checkpoints.save, []

    def asked(checkpoints, state):
        saved.append(state["progress"]["step"])
        if len(saved) == 8:  # 7 steps, and the epoch's end
            os.kill(os.getpid(), signal.SIGTERM)
        if len(saved) == 8 and disk_is_full:
            raise RunFailed("no space")
        save(checkpoints, state)

    monkeypatch.setattr(Checkpoints, "save", asked)
    with pytest.raises(RunFailed if disk_is_full else Interrupted):
        run(load_config(overrides))
    assert run(load_config(overrides)).result.steps == 7


def test_a_full_disk_does_not_hide_the_signal(module_overrides, monkeypatch):
    overrides = [*module_overrides("full"), "method=lopa", "train.epochs=1"]

    def full(*_):
        raise RunFailed("no space")

    monkeypatch.setattr(Checkpoints, "save", full)
    step = Training._step

    def asked(training, group):
        os.kill(os.getpid(), signal.SIGUSR2)
        step(training, group)

    monkeypatch.setattr(Training, "_step", asked)
    with pytest.raises(Interrupted) as caught:
        run(load_config(overrides))
    assert caught.value.signum == signal.SIGUSR2


@pytest.mark.parametrize("damage", ["truncated", slow("flipped"), slow("empty"), "both"])
def test_damaged_checkpoint_is_passed_over(module_overrides, undisturbed, monkeypatch, damage):
    overrides = [*module_overrides(f"damaged-{damage}"), "method=lopa", "checkpoint_every=0"]
    with monkeypatch.context() as patch:
        stop_at(patch, 9)
        with pytest.raises(KeyboardInterrupt):
            run(load_config(overrides))
    (folder,) = {path.parent for path in load_config(overrides).results_dir.rglob("checkpoint.pt")}
    for name in ("checkpoint.pt", "checkpoint.previous.pt")[: 2 if damage == "both" else 1]:
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 2] ^= 1
        cut = {"truncated": len(content) - 100, "empty": 0}.get(damage, len(content))
        (folder / name).write_bytes(content[:cut])
    steps = []
    monkeypatch.setattr(
        "lopa_bench.run.monitor.Monitor.training", lambda self, progress, *_: steps.append(progress.step)
    )
    monkeypatch.setattr("lopa_bench.run.monitor.Monitor.step", lambda *_: None)
    assert_same(run(load_config(overrides)), undisturbed)
    assert steps == [0 if damage == "both" else 9]


def test_a_failed_save_leaves_the_state_before_it(tmp_path, monkeypatch):
    checkpoints = Checkpoints(tmp_path, 0)
    checkpoints.save({"step": 1})
    checkpoints.save({"step": 2})

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lopa_bench.host.files.os.fsync", full)
    with pytest.raises(RunFailed, match="No space left on device"):
        checkpoints.save({"step": 3})
    assert Checkpoints(tmp_path, 0).load() == {"step": 2}
    assert not list(tmp_path.glob(".*"))


def test_the_time_of_a_run_is_that_of_its_parts(tmp_path, monkeypatch):
    now = iter([100.0, 107.0, 107.0, 1000.0, 1002.0])
    monkeypatch.setattr("lopa_bench.run.checkpoint.time.monotonic", lambda: next(now))
    Checkpoints(tmp_path, 0).save({})
    again = Checkpoints(tmp_path, 0)
    again.load()
    assert again.run_seconds == 9.0


@pytest.mark.parametrize(
    ("signum", "status"),
    [slow(signal.SIGINT, 130), (signal.SIGTERM, 143), slow(signal.SIGHUP, 129), (signal.SIGUSR2, 140)],
)
def test_signals_save_and_tell(module_overrides, undisturbed, monkeypatch, capsys, signum, status):
    overrides = [*module_overrides(f"signal{signum}"), "method=lopa"]
    with monkeypatch.context() as patch:
        stop_at(patch, 8, signum)
        assert main(overrides) == status
    told = "lopa-bench: interrupted; the same command goes on from the last checkpoint"
    assert complaints(capsys.readouterr().err) == [told]
    assert list(load_config(overrides).results_dir.rglob("checkpoint.pt"))
    assert_same(run(load_config(overrides)), undisturbed)
    assert "rte/lopa: goes on after step 9 of 21, in epoch 2 of 3\n" in capsys.readouterr().err


def test_a_second_signal_does_not_wait():
    with signals.held() as received:
        os.kill(os.getpid(), signal.SIGTERM)
        assert received == [signal.SIGTERM]
        with pytest.raises(Interrupted) as stopped:
            os.kill(os.getpid(), signal.SIGTERM)
    assert stopped.value.exit_status == 143


def test_a_warning_waits_for_the_checkpoint_and_is_then_handed_on():
    """SLURM's, where another job goes first: SIGTERM, then SIGUSR2, for which submitit has a handler."""
    handed = []
    before = signal.signal(signal.SIGUSR2, lambda signum, frame: handed.append(signum))
    try:
        with signals.held() as received:
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGUSR2)
            assert received == [signal.SIGUSR2]
            assert not handed
        signals.hand_on(Interrupted(*received))
        assert handed == [signal.SIGUSR2]
    finally:
        signal.signal(signal.SIGUSR2, before)
    signals.hand_on(Interrupted(signal.SIGUSR2))  # nobody waits for it: the process lives


@pytest.mark.slow
def test_killed_at_random_moments(module_overrides, undisturbed):
    overrides = [*module_overrides("killed"), "method=lopa", "checkpoint_every=0"]
    results = load_config(overrides).results_dir
    draw, kills = random.Random(0), 0
    while True:
        process = subprocess.Popen([sys.executable, "-m", "lopa_bench", *overrides], stdout=subprocess.DEVNULL)
        saved, wanted = set(), draw.randint(1, 4)
        while process.poll() is None and len(saved) <= wanted:
            for path in results.rglob("checkpoint.pt"):
                with contextlib.suppress(FileNotFoundError):
                    saved.add(path.stat().st_mtime_ns)
            time.sleep(0.002)
        time.sleep(draw.uniform(0, 0.1))
        if process.poll() is not None:
            break
        process.kill()
        process.wait()
        kills += 1
    assert process.returncode == 0
    assert kills >= 3
    outcome = run(load_config(overrides))
    assert outcome.found
    assert_same(outcome, undisturbed)


def test_full_disk_is_one_line_and_no_half_result(module_overrides, undisturbed, capsys):
    overrides = [*module_overrides("full"), "method=lopa"]
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limits[1]))  # no file may be longer, as if the disk were full
    try:
        assert main(overrides) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    error = complaints(capsys.readouterr().err)
    assert len(error) == 1
    assert "cannot be written (File too large)" in error[0]
    assert not list(load_config(overrides).results_dir.rglob("result.json"))
    assert_same(run(load_config(overrides)), undisturbed)


@pytest.mark.skipif(not os.access("/proc/self", os.R_OK), reason="needs a folder where even root may not write")
def test_read_only_folder(run_overrides, capsys):
    assert main([*run_overrides("/proc/self/results"), "method=lopa"]) == 2
    error = capsys.readouterr().err.splitlines()
    assert len(error) == 1
    assert "results_dir=/proc/self/results" in error[0]


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), MemoryError()])
def test_out_of_memory_says_what_to_lower(overrides, monkeypatch, capsys, error):
    def fail(*_):
        raise error

    monkeypatch.setattr("lopa_bench.run.train.backward", fail)
    assert main([*overrides, "method=lopa"]) == 1
    lines = complaints(capsys.readouterr().err)
    assert len(lines) == 1
    assert "out of memory; lower train.batch_size=8" in lines[0]


@pytest.mark.parametrize(
    ("method", "sizes"),
    [
        ("smop", " (method.num_virtual_tokens=5, method.prompts="),
        ("adapter", " (method.bottleneck="),
        ("lora", " (method.rank="),
        ("fft", None),
    ],
)
def test_out_of_memory_names_the_sizes_that_the_method_has(method, sizes):
    with pytest.raises(RunFailed) as told, memory_advice(load_config(["task=rte", f"method={method}"])):
        raise MemoryError
    _, comma, less = str(told.value).partition(", or let the method train less")
    assert less.startswith(sizes) if sizes else not comma
    assert "None" not in less


@pytest.mark.parametrize(
    "said", ["CUDA error: out of memory", "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"]
)
def test_out_of_memory_of_a_gpu_that_others_use_too(said):
    with (
        pytest.raises(RunFailed, match=r"out of memory; lower train\.batch_size"),
        memory_advice(load_config(["task=rte"])),
    ):
        raise RuntimeError(said)


def test_out_of_memory_of_the_cpu_allocator(overrides, monkeypatch, capsys):
    monkeypatch.setattr("lopa_bench.run.train.backward", lambda *_: torch.empty(1 << 58))
    assert main([*overrides, "method=lopa"]) == 1
    assert "out of memory; lower train.batch_size" in capsys.readouterr().err


def test_force_keeps_the_old_result_until_the_new_one_is_there(overrides, monkeypatch):
    first = run(load_config([*overrides, "method=lopa"]))
    stop_at(monkeypatch, 3)
    with pytest.raises(KeyboardInterrupt):
        run(load_config([*overrides, "method=lopa", "force=true"]))
    assert parse((first.directory.path / "result.json").read_bytes()) == first.result


def test_leftovers_of_a_killed_writer_are_removed(overrides):
    first = run(load_config([*overrides, "method=lopa"]))
    folder = first.directory.path
    (folder / "result.json").unlink()
    (folder / ".history.csv.abc.tmp").write_text("half")
    run(load_config([*overrides, "method=lopa"]))
    assert not list(folder.glob(".*"))


def test_atomic_write_replaces_or_leaves(tmp_path):
    path = tmp_path / "file"
    write_text(path, "old")
    shutil.rmtree(tmp_path / "none", ignore_errors=True)
    with pytest.raises(RunFailed, match="cannot be written"):
        write_text(tmp_path / "none" / "file", "new")
    write_text(path, "new")
    assert path.read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_checkpoints_are_not_part_of_the_identity(overrides):
    started = time.monotonic()
    often = run(load_config([*overrides, "method=lopa", "checkpoint_every=0"]))
    assert run(load_config([*overrides, "method=lopa"])).found
    assert "checkpoint_every" not in often.result.config
    assert time.monotonic() - started < 60
