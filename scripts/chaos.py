"""Kill a sweep at random moments until it is done, and compare its results with an undisturbed sweep's: they must be identical.

    python scripts/chaos.py [--kills 30] [--seed 0] [key=value …]

The overrides are a sweep's, as after ``lopa-bench -m``. Every start is a process of its own that lives for a random time and is then sent
SIGKILL, SIGTERM or SIGINT. When the sweep is done and kills are left, it begins anew in an empty folder. Exit status 1 if anything differs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

import lopa_bench.run.story  # noqa: F401  (imported once; the children are forks)
from lopa_bench.cli.main import main
from lopa_bench.errors import Interrupted
from lopa_bench.host import signals

SWEEP = ["task=rte,sst2", "method=lopa,pt", "seed=0,1", "data.limit=64", "train.epochs=2"]
# Measurements, and the checksum over them, not results.
VARYING = {"seconds", "examples_per_second", "peak_memory_mib", "git", "finished", "checksum"}


def start(argv: list[str], told: bool = False) -> int:
    """``lopa-bench ARGV`` in a child; its pid. Where it is `told`, what the child says of errors is shown."""
    pid = os.fork()
    if pid == 0:
        try:
            with open(os.devnull, "w") as nowhere:
                sys.stdout, sys.stderr = nowhere, sys.stderr if told else nowhere
                os._exit(main(argv))
        finally:
            os._exit(1)  # the folder is the parent's to remove
    return pid


def wait(pid: int, seconds: float) -> int | None:
    """The child's exit status, or None if it lives after `seconds`. It does not outlive an interruption of this process."""
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.005)
    except KeyboardInterrupt:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise
    return None


def facts(results: Path) -> dict[str, bytes]:
    """Every file of every run directory, measurements left out of result.json."""
    found = {}
    for path in sorted(results.glob("*/*/*/*/*/*")):
        content = path.read_bytes()
        if path.name == "result.json":
            known = json.loads(content)
            content = json.dumps({k: v for k, v in known.items() if k not in VARYING}, sort_keys=True).encode()
        if path.name != "config.yaml":  # names the results folder
            found[str(path.relative_to(results))] = content
    return found


def chaos(sweep: list[str], kills: int, seed: int, root: Path) -> bool:
    begun = time.monotonic()
    status = wait(start(["-m", *sweep, f"results_dir={root / 'undisturbed'}"], told=True), 3600)
    length = time.monotonic() - begun
    truth = facts(root / "undisturbed")
    runs = sum(name.endswith("result.json") for name in truth)
    print(f"undisturbed sweep: {runs} runs, {len(truth)} files, exit status {status}, {length:.1f} s", flush=True)
    if status != 0 or not runs:
        return False
    draw, killed, rounds, same = random.Random(seed), 0, 0, True
    while killed < kills:
        rounds += 1
        results = root / f"killed-{rounds}"
        argv = ["-m", *sweep, "checkpoint_every=0", f"results_dir={results}"]
        while True:
            begun, pid = time.monotonic(), start(argv)
            # In the last round's rest the sweep is left alone.
            status = wait(pid, draw.uniform(0.1, 0.9) * length if killed < kills else 3600)
            if status is not None:
                # The first sweep was slower, or most of this one was done already: come sooner.
                length = min(length, time.monotonic() - begun)
                break
            how = draw.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
            os.kill(pid, how)
            os.waitpid(pid, 0)
            killed += 1
            done = len(list(results.rglob("result.json")))
            half = len(list(results.rglob("checkpoint.pt")))
            print(f"kill {killed:>2}: {how.name:<7} {done} of {runs} runs finished, {half} half done", flush=True)
        found = facts(results)
        differing = sorted(name for name in truth.keys() | found.keys() if truth.get(name) != found.get(name))
        same = same and status == 0 and not differing
        print(
            f"sweep {rounds} done after {killed} kills, exit status {status}: {len(differing)} files differ", flush=True
        )
        for name in differing:
            print(f"  differs: {name}")
    print(
        f"{killed} kills, {rounds} sweeps of {runs} runs: {'identical' if same else 'NOT identical'} to the undisturbed sweep"
    )
    return same


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("sweep", nargs="*", metavar="key=value", help=f"default: {' '.join(SWEEP)}")
    options = parser.parse_args()
    try:
        with signals.raised(), tempfile.TemporaryDirectory() as folder:
            sys.exit(0 if chaos(options.sweep or SWEEP, options.kills, options.seed, Path(folder)) else 1)
    except Interrupted as interruption:
        sys.exit(interruption.exit_status)
