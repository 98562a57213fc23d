"""A run is done by one living process at a time, whatever died before."""

import contextlib
import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path

import psutil
import pytest

from lopa_bench.errors import RunFailed, UserError
from lopa_bench.host.lease import STALE_AFTER, Busy, Lease, Owner, alive, machine, owner_of
from lopa_bench.results.directory import RunDirectory


@pytest.fixture
def lock(tmp_path):
    return tmp_path / "run.lock"


def dead_process() -> Owner:
    """The owner that a process was which is gone now."""
    code = "import json, dataclasses, lopa_bench.host.lease as c; print(json.dumps(dataclasses.asdict(c.Owner.me())))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return Owner(**json.loads(done.stdout))


def leave(lock, owner):
    lock.write_text(json.dumps(asdict(owner)))


def test_held_by_a_living_process(lock):
    with Lease(lock):
        with pytest.raises(Busy, match=f"process {os.getpid()} on "), Lease(lock):
            pass
        assert owner_of(lock).pid == os.getpid()
    assert not list(lock.parent.iterdir())
    with Lease(lock):
        pass


def test_held_where_the_answer_to_the_link_was_lost(lock, monkeypatch):
    """NFS asks again where no answer comes, and is told that the name is taken: by this very link."""
    link = os.link

    def told_that_it_is_there(*names):
        link(*names)
        raise FileExistsError

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", told_that_it_is_there)
        with Lease(lock):
            assert owner_of(lock).pid == os.getpid()
    assert not list(lock.parent.iterdir())


def test_released_when_the_block_fails(lock):
    with pytest.raises(ZeroDivisionError), Lease(lock):
        1 / 0  # noqa: B018
    assert not lock.exists()


def test_taken_over_from_a_dead_process_at_once(lock):
    leave(lock, dead_process())
    with Lease(lock):
        assert owner_of(lock).pid == os.getpid()
    assert not list(lock.parent.iterdir())


def test_taken_over_when_the_pid_is_another_process_now(lock):
    leave(lock, replace(Owner.me(), started=Owner.me().started - 1000, token="old"))
    with Lease(lock):
        pass


def test_a_system_clock_that_is_set_makes_nobody_dead(lock, monkeypatch):
    booted = psutil.boot_time()
    with Lease(lock):
        monkeypatch.setattr("psutil._psplatform.boot_time", lambda: booted + 3600)  # what psutil reads, both times
        assert psutil.boot_time() == booted + 3600
        assert alive(lock, owner_of(lock))


def test_in_a_folder_where_nothing_may_be_written_the_clock_is_this_machines(lock, monkeypatch):
    """Somebody else's results, whose runs go on on another machine."""
    leave(lock, replace(Owner.me(), machine="another"))

    def refused(**_):
        raise PermissionError

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", refused)
    assert alive(lock, owner_of(lock))
    os.utime(lock, (time.time() - STALE_AFTER - 9,) * 2)
    assert not alive(lock, owner_of(lock))


def test_another_machine_is_believed_while_its_heart_beats(lock):
    leave(lock, replace(Owner.me(), machine="elsewhere/1", token="theirs"))
    with pytest.raises(Busy, match="on elsewhere does this run"), Lease(lock):
        pass
    silent = time.time() - STALE_AFTER - 5
    os.utime(lock, (silent, silent))
    with Lease(lock):
        assert owner_of(lock).pid == os.getpid()


def test_a_machine_of_the_same_name_is_another_machine(lock, monkeypatch):
    """Their process numbers say nothing of each other's: only the heart beat does."""
    ours = machine()
    other_boot = lock.with_name("boot_id")
    other_boot.write_text("5f5c7d2e-0000-4000-8000-000000000000\n")
    monkeypatch.setattr("lopa_bench.host.lease.BOOT", other_boot)
    theirs = machine.__wrapped__()
    assert theirs != ours
    assert theirs.split("/")[0] == ours.split("/")[0]
    leave(lock, replace(dead_process(), machine=theirs))
    with pytest.raises(Busy), Lease(lock):
        pass
    os.utime(lock, (0, 0))
    with Lease(lock):
        pass


def test_who_is_busy_is_told_across_processes():
    error = pickle.loads(pickle.dumps(Busy("process 7 on there", Path("run.lock"))))
    assert (str(error).split(" does ")[0], error.lock) == ("process 7 on there", Path("run.lock"))


def test_a_torn_lock_is_believed_for_as_long_as_a_silent_one(lock):
    lock.write_text("")
    with pytest.raises(Busy, match="another process"), Lease(lock):
        pass
    os.utime(lock, (0, 0))
    with Lease(lock):
        pass


def test_a_clock_that_cannot_be_read_makes_nobody_dead(lock, monkeypatch):
    def gone(folder):
        raise FileNotFoundError

    leave(lock, replace(Owner.me(), machine="elsewhere/1", token="theirs"))
    monkeypatch.setattr("lopa_bench.host.lease._now", gone)
    with pytest.raises(FileNotFoundError):
        alive(lock, owner_of(lock))


def test_who_holds_a_claim_leaves_the_files_of_those_who_ask_for_it(tmp_path):
    asking, half = (".run.lock.abc.tmp", ".now.abc.tmp"), ".result.json.abc.tmp"
    for name in (*asking, half):
        (tmp_path / name).touch()
    with RunDirectory(tmp_path, "", {}).lease():
        assert {path.name for path in tmp_path.glob(".*")} == set(asking)


def test_a_refused_run_leaves_none_of_the_folders_it_made_and_all_others(tmp_path):
    """What is refused once the model is loaded, such as a layer that it does not have, has its directory by then."""
    results = tmp_path / "results"
    for others in ((), ("mini/rte/done",)):
        for other in others:
            (results / other).mkdir(parents=True)
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(UserError, match="no layer"), RunDirectory(results / "mini/rte/refused", "", {}).lease():
            raise UserError("no layer")
        assert sorted(tmp_path.rglob("*")) == before
    with pytest.raises(RunFailed), RunDirectory(results / "mini/rte/failed", "", {}).lease():
        raise RunFailed("out of memory")
    assert (results / "mini/rte/failed").is_dir()


def beats(lock):
    """Whether a sign of life comes."""
    os.utime(lock, (0, 0))
    deadline = time.monotonic() + 20
    while lock.stat().st_mtime == 0 and time.monotonic() < deadline:
        time.sleep(0.02)
    return lock.stat().st_mtime > 0


def test_heart_beats(lock, monkeypatch):
    monkeypatch.setattr("lopa_bench.host.lease.HEARTBEAT", 0.05)
    with Lease(lock):
        assert beats(lock)


def test_heart_beats_on_after_a_look_that_failed(lock, monkeypatch):
    monkeypatch.setattr("lopa_bench.host.lease.HEARTBEAT", 0.02)
    with Lease(lock) as lease:
        readable = lock.read_bytes()
        lock.write_bytes(b"")
        time.sleep(0.2)
        lock.write_bytes(readable)
        assert owner_of(lock) == lease.owner
        assert beats(lock)


def test_who_comes_as_another_goes_buries_no_newcomer(lock, monkeypatch):
    """The holder goes before the look, and a newcomer takes the claim before what was looked at would be removed."""
    newcomer = replace(Owner.me(), token="newcomer")

    def came(path):
        leave(lock, newcomer)
        return contextlib.nullcontext()

    monkeypatch.setattr("lopa_bench.host.lease.FileLock", came)
    Lease(lock)._bury_or_raise()
    assert not lock.exists()
    leave(lock, dead_process())
    Lease(lock)._bury_or_raise()
    assert owner_of(lock) == newcomer


def test_who_was_robbed_leaves_the_new_claim_alone(lock):
    thief = replace(Owner.me(), token="thief")
    with Lease(lock):
        leave(lock, thief)
    assert owner_of(lock) == thief


def race(lock, start, held, wins):
    start.wait()
    for _ in range(20):
        try:
            with Lease(lock):
                with held.get_lock():
                    held.value += 1
                assert held.value == 1, "two processes hold one claim"
                time.sleep(0.002)
                with wins.get_lock():
                    wins.value += 1
                with held.get_lock():
                    held.value -= 1
        except Busy:
            time.sleep(0.001)


def test_never_two_of_many(lock, forkserver):
    """Processes race for a claim that a dead one left, again and again."""
    start, held, wins = forkserver.Event(), forkserver.Value("i", 0), forkserver.Value("i", 0)
    leave(lock, dead_process())
    processes = [forkserver.Process(target=race, args=(lock, start, held, wins)) for _ in range(4)]
    for process in processes:
        process.start()
    start.set()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 4
    assert wins.value > 0
    assert not lock.exists()
