"""``lopa-bench doctor [overrides]``: what this machine can run, each lack with its fix."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata

import psutil

from lopa_bench.cli import words
from lopa_bench.cli.options import overrides
from lopa_bench.config.compose import load_config
from lopa_bench.config.schema import Config
from lopa_bench.errors import UserError
from lopa_bench.host import network
from lopa_bench.host.files import existing, why_not_writable
from lopa_bench.host.terminal import say
from lopa_bench.run.memory import PROGRAM, estimate

SUMMARY = "what this machine has, and whether a run (its overrides) fits on it; each lack with its fix"
DETAILS = """\
Looks at Python and packages, device, memory and disk against what the run of these overrides needs, its models and data, the hub,
Java, the sandbox and wandb. Nothing is loaded or downloaded. Exit status 1 if something that the run needs is lacking."""
EXAMPLE = "lopa-bench doctor scale=paper task=rte method=lopa"
PACKAGES = ("torch", "transformers", "tokenizers", "peft", "hydra-core", "omegaconf", "pydantic", "sacrebleu")
SPARE_DISK = 64 << 20  # for a run's record, predictions and log


@dataclass(frozen=True)
class Check:
    """One line. `fix` is None where nothing is to be done; `fatal` where the run cannot do without."""

    name: str
    text: str
    fix: str | None = None
    fatal: bool = True


@dataclass(frozen=True, kw_only=True)
class Options:
    overrides: tuple[str, ...] = overrides()


OPTIONS = Options


def main(argv: Sequence[str]) -> int:
    config = load_config(words.run_overrides(words.read(Options, argv, "doctor").overrides))
    failed = False
    for look in LOOKS:
        for finding in look(config):
            mark = "ok  " if finding.fix is None else "FAIL" if finding.fatal else "note"
            failed |= finding.fix is not None and finding.fatal
            say(f"{mark}  {finding.name:<9} {finding.text}" + (f"; {finding.fix}" if finding.fix else ""))
    return int(failed)


def versions(config: Config) -> Iterator[Check]:
    """Python and the packages that numbers depend on."""
    yield Check("python", platform.python_version())
    found, lacking = [], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            lacking.append(name)
    yield Check("packages", ", ".join(found), f"pip install {' '.join(lacking)}" if lacking else None)


def memory(config: Config) -> Iterator[Check]:
    """The device, and its memory against what the run needs (an estimate: memory.py)."""
    import torch

    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        name = f"{torch.cuda.get_device_name()}, {size(total)}"
    else:
        free, name = (
            psutil.virtual_memory().available,
            f"no GPU; {os.cpu_count()} CPU cores, {torch.get_num_threads()} threads",
        )
    yield Check("device", name)
    tokens = longest(config)
    try:
        needed = estimate(config, tokens)
    except UserError as error:
        yield Check("memory", f"{size(free)} free", str(error), fatal=False)
        return
    # The run's process has what this one has: Python, its libraries, the task's texts.
    peak = (
        needed.on_gpu()
        if torch.cuda.is_available()
        else needed.on_cpu(max(PROGRAM, psutil.Process().memory_info().rss))
    )
    long, about = (
        (f"{tokens} tokens (the longest row)", "about") if tokens else (f"{config.text_length} tokens", "at most")
    )
    run = f"{config.model.name} × {config.method.name} × {config.train.batch_size} rows of {long}"
    parts = f"weights {size(needed.weights)}, activations {size(needed.activations)}"
    text = f"{run} takes {about} {size(peak)} ({parts}); {size(free)} are free"
    advice = f"lower train.batch_size={config.train.batch_size} (train.accumulate keeps rows per step), or set precision=bf16"
    if needed.weights > free:
        advice = "the weights alone do not fit: a smaller model, precision=bf16, or a method that trains less (rank, virtual tokens)"
    yield Check("memory", text, advice if peak > free else None)


def longest(config: Config) -> int | None:
    """The tokens of the longest row, None where the rows cannot be read: `models_and_data` says why."""
    from lopa_bench.run.inputs import longest_row

    with contextlib.suppress(UserError):
        return longest_row(config)
    return None


def disk(config: Config) -> Iterator[Check]:
    """Room for what the run writes: its results, and until it ends two checkpoints."""
    needed = SPARE_DISK
    with contextlib.suppress(UserError):  # which `memory` tells
        needed += estimate(config).written  # whatever the rows are
    folder = existing(config.results_dir)
    free = shutil.disk_usage(folder).free
    why_not = why_not_writable(config.results_dir)
    fix = "make room, or name another results_dir=DIR" if free < needed else None
    yield Check(
        "disk",
        f"the run writes up to {size(needed)}; {size(free)} are free at {folder}",
        f"results_dir={config.results_dir}: {why_not}" if why_not else fix,
    )


def models_and_data(config: Config) -> Iterator[Check]:
    """What the run reads: there, to be downloaded, or out of reach."""
    from lopa_bench.models.hub import missing, reachable
    from lopa_bench.run.preflight import preflight

    absent: list[str] = []
    try:
        preflight(config)
        absent = [path for path, _ in missing(config).values()]
    except UserError as error:
        yield Check("inputs", "the run would not start", str(error))
    else:
        needed = [*absent, *([f"the data set of {config.task.name}"] if config.data.source == "hub" else [])]
        yield Check("inputs", f"to be downloaded: {', '.join(needed)}" if needed else "models and data are here")
    wanted = bool(absent) or config.data.source == "hub"
    if config.offline:
        yield Check("hub", f"not asked ({network.reason()})")
    elif wanted:
        fix = (
            None
            if reachable()
            else "check network and proxy, or take folders: model=local model.path=DIR, lopa-bench fetch"
        )
        yield Check("hub", "reachable" if fix is None else "cannot be reached", fix)


def tools(config: Config) -> Iterator[Check]:
    """What scoring and tracking need."""
    from lopa_bench.metrics.captions import GET_JAVA, java_available
    from lopa_bench.sandbox.levels import DESCRIPTIONS, SandboxUnavailable, require

    wants_java, runs_programs = config.task.kind == "text", config.task.kind == "programs"
    java = java_available()
    yield Check(
        "java", "here, for METEOR" if java else "none", None if java else f"METEOR {GET_JAVA}", fatal=wants_java
    )
    try:
        level = require(allow_unsafe=True).level
        below = level == "D" and not getattr(config.task, "allow_unsafe", False)
        fix = "run it in a Linux container or virtual machine, or install bubblewrap" if below else None
        yield Check("sandbox", f"level {level}: {DESCRIPTIONS[level]}", fix, fatal=runs_programs)
    except SandboxUnavailable as error:
        yield Check("sandbox", "none", str(error), fatal=runs_programs)
    logged_in = config.tracker.logged_in()
    if logged_in is not None:
        fix = None if logged_in else config.tracker.how_to_log_in
        yield Check("tracker", "logged in" if logged_in else "not logged in", fix)


def size(count: int) -> str:
    """Bytes as memory is sold: in powers of 1024."""
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


LOOKS: tuple[Callable[[Config], Iterator[Check]], ...] = (versions, memory, disk, models_and_data, tools)
