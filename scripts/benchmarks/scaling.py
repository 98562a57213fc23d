"""How cost grows: with the rows of a data set (examples per second, peak memory), and with m and r (time, parameters).

The measured growth with m and r is drawn beside the closed forms in results/benchmarks/scaling.svg.
"""

from __future__ import annotations

import csv
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contest.loops import Loop, Rows
from contest.measure import SAME_WORK, comparison, in_turn, machine
from contest.workload import SMALL, TINY, Size, Workload, workload

from lopa_bench.methods.instance_prompt import InstancePromptMethod
from lopa_bench.models.flops import forward_flops
from lopa_bench.results.record import parse

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURE = Path(__file__).resolve().parents[2] / "results" / "benchmarks" / "scaling.svg"
TIMES, ROWS = (1, 4, 16), 800  # one stretch of 50 batches
ROUNDS = 5
GIVEN_BACK = {"MALLOC_MMAP_THRESHOLD_": str(2**18)}  # glibc: blocks above this size go back to the system when freed
TOKENS, RANKS = (5, 10, 25, 50, 100), (1, 2, 4, 8, 16)  # m with r = 4, and r with m = 10


def comparisons(tiny: bool = False) -> list[dict[str, Any]]:
    """What grows with rows, in runs of their own, and what with prompts, in steps."""
    rounds = 1 if tiny else ROUNDS
    with workload(TINY if tiny else Size(layers=2, width=64)) as work:
        found = with_rows(work, (1, 2) if tiny else TIMES, rounds)
    with workload(TINY if tiny else SMALL) as work:
        return found + with_prompts(work, (2, 4) if tiny else TOKENS, rounds, figure=None if tiny else FIGURE)


def with_rows(work: Workload, growth: Sequence[int], rounds: int) -> list[dict[str, Any]]:
    """Whole runs in processes of their own: with as many rows, and with freed memory kept, as we do, or given back."""
    once, most = growth[0], growth[-1]
    settings = [(times, True) for times in growth] + [(times, False) for times in (once, most)]
    megabytes: dict[tuple[int, bool], list[float]] = {setting: [] for setting in settings}
    runs = {str((times, kept)): partial(run, work, times, kept, megabytes[times, kept]) for times, kept in settings}
    rates = in_turn(runs, rounds)
    ran = {**machine(), "shape": work.shape, "texts": work.texts, "method": "lopa", "epochs": 1}

    def speed(times: int, kept: bool, against: str, other: tuple[int, bool], goal: float) -> dict[str, Any]:
        ours, theirs = rates[str((times, kept))], rates[str(other)]
        return comparison(f"examples/s with {name(times)}", ours, against, theirs, goal, "examples/s", ran, SAME_WORK)

    def memory(kept: bool, given_back: str = "") -> dict[str, Any]:
        """The smaller is ahead here: memory of the least over memory of the most rows."""
        ours, theirs = megabytes[once, kept], megabytes[most, kept]
        what, against = f"peak memory of a run on {name(once)}{given_back}", f"on {name(most)}"
        return comparison(what, ours, against, theirs, 0.9, "MiB", ran, SAME_WORK)

    return [
        *(speed(times, True, f"with {name(once)}", (once, True), 0.9) for times in growth[1:]),
        memory(True),
        memory(False, ", memory given back"),
        speed(most, True, "the same, memory given back", (most, False), 1.0),
    ]


def name(times: int) -> str:
    return f"{ROWS * times:,} rows"


def run(work: Workload, times: int, kept: bool, megabytes: list[float]) -> float:
    """Examples per second of a run on so many times the rows; its peak memory is added to `megabytes`."""
    data = work.folder / f"rows-{times}"
    if not data.exists():
        repeat_rows(work.data, data, ROWS * times)
    config = work.config("rte", "lopa")
    with tempfile.TemporaryDirectory() as results:
        keep = {
            "model.path": config.model.path,
            "model.encoder": config.model.encoder,
            "data.dir": data,
            "results_dir": results,
        }
        overrides = [f"{key}={value}" for key, value in keep.items()]
        fixed = ["task=rte", "method=lopa", "scale=paper", "model=local", "offline=true", "data.source=files"]
        short = ["selection=last", "train.epochs=1", "precision=fp32"]
        command = [sys.executable, "-m", "lopa_bench", *fixed, *short, *overrides]
        environment = {**os.environ, "LOPA_BENCH_CACHE": f"{results}/cache"} | ({} if kept else GIVEN_BACK)
        subprocess.run(command, check=True, capture_output=True, env=environment)
        (path,) = Path(results).rglob("result.json")
        result = parse(path.read_bytes())
    megabytes.append(result.peak_memory_mib)
    assert result.examples_per_second is not None
    return result.examples_per_second


def repeat_rows(source: Path, folder: Path, count: int) -> None:
    """RTE with `count` training rows, the first `ROWS` real ones over and over: none is longer than in the smallest set."""
    (folder / "glue/RTE").mkdir(parents=True)
    for split, rows in (("train", count), ("dev", 32)):
        with (source / f"glue/RTE/{split}.tsv").open(encoding="utf-8-sig", newline="") as file:
            header, *lines = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        taken = itertools.islice(itertools.cycle(lines[:ROWS]), rows)
        text = "\n".join("\t".join(fields) for fields in [header, *taken])
        (folder / f"glue/RTE/{split}.tsv").write_text(text + "\n", encoding="utf-8")


def with_prompts(work: Workload, tokens: Sequence[int], rounds: int, figure: Path | None) -> list[dict[str, Any]]:
    """Steps of LOPA with m of `tokens` and r = 4, and with r of RANKS and m = 10; drawn into `figure`."""
    rows = Rows.of(work.config("rte", "none"))
    order = rows.sample(rows.bucketed(16), 3)
    settings = [(m, 4) for m in tokens] + [(10, r) for r in RANKS if r != 4]
    loops = {
        (m, r): Loop(work.config("rte", "lopa", f"method.num_virtual_tokens={m}", f"method.rank={r}"), rows, order)
        for m, r in settings
    }
    rates = in_turn({str(pair): loop for pair, loop in loops.items()}, rounds)
    seconds = {pair: [1 / rate for rate in rates[str(pair)]] for pair in settings}
    if figure is not None:
        draw(loops, seconds, figure)
    ran = {
        **machine(),
        "shape": work.shape,
        "texts": work.texts,
        "seconds per example": {str(k): v for k, v in seconds.items()},
    }
    found = []
    for what, few, many in (("m", (tokens[0], 4), (tokens[-1], 4)), ("r", (10, RANKS[0]), (10, RANKS[-1]))):
        index = 0 if what == "m" else 1
        predicted = step_flops(loops[many]) / step_flops(loops[few])
        grown = [b / a for a, b in zip(seconds[few], seconds[many], strict=True)]
        found.append(
            comparison(
                f"LOPA's time from {what} = {few[index]} to {many[index]}: {statistics.median(grown):.2f} times",
                [1 / value for value in grown],
                f"growth of its FLOPs: {predicted:.2f} times",
                [1 / predicted] * len(grown),
                0.9,
                "1",
                ran,
                SAME_WORK,
            )
        )
    return found


def trained(loop: Loop) -> int:
    return sum(p.numel() for p in loop.model.trainable().values())


def parameters(m: int, r: int, width: int, encoder: int, head: int) -> int:
    """m·d + 2(E·H + H) + (H + 1)·r·(m + d)."""
    return m * width + 2 * (encoder * head + head) + (head + 1) * r * (m + width)


def step_flops(loop: Loop) -> float:
    """Forward through the body and the heads, and as much again to bring gradients back through the frozen body, for all examples."""
    backbone, m = loop.model.backbone, loop.config.method.prompt_length
    lengths = [len(row.ids) + m for row in loop.split.rows]
    body = sum(forward_flops(backbone.body, backbone.config, n, n, causal=False) for n in lengths)
    return 2 * body + 6 * trained(loop) * len(lengths)


def draw(loops: dict[tuple[int, int], Loop], seconds: dict[tuple[int, int], list[float]], path: Path) -> None:
    """Dots are measured, with the range of the rounds; lines are closed forms; the line of times goes through the first dot."""
    from lopa_bench.report.figures.style import styled, write_svg

    with styled():
        figure = _panels(loops, seconds)
    with path.open("wb") as file:
        write_svg(figure, file)


def _panels(loops: dict[tuple[int, int], Loop], seconds: dict[tuple[int, int], list[float]]) -> Figure:
    from lopa_bench.report.figures.style import COLOURS, axes_grid, legend_below

    figure, panels = axes_grid(2, 2, width=4.0, height=2.4, sharex="col")
    for column, (label, pairs) in enumerate(
        (("m, virtual tokens (r = 4)", [(m, 4) for m in TOKENS]), ("r, rank (m = 10)", [(10, r) for r in RANKS]))
    ):
        x, times, counts = [pair[column] for pair in pairs], panels[column], panels[2 + column]
        took = [[1000 * value for value in sorted(seconds[pair])] for pair in pairs]
        medians = [statistics.median(each) for each in took]
        around = [[m - each[0] for m, each in zip(medians, took, strict=True)],
                  [each[-1] - m for m, each in zip(medians, took, strict=True)]]  # fmt: skip
        flops = [step_flops(loops[pair]) for pair in pairs]
        times.plot(x, [medians[0] * f / flops[0] for f in flops], color=COLOURS[0], label="closed form")
        times.errorbar(x, medians, around, fmt="o", color=COLOURS[1], capsize=2, label="measured")
        times.set(ylabel="ms an example", ylim=(0, 1.2 * max(medians)))
        model, method = loops[pairs[0]].model, loops[pairs[0]].config.method
        assert isinstance(method, InstancePromptMethod)
        assert model.encoder is not None
        shape = model.backbone.shape(model.encoder.width)
        sizes = (shape.width, shape.encoder_width, method.hidden(shape))
        counts.plot(x, [parameters(m, r, *sizes) / 1e3 for m, r in pairs], color=COLOURS[0])
        counts.plot(x, [trained(loops[pair]) / 1e3 for pair in pairs], "o", color=COLOURS[1])
        counts.set(xlabel=label, ylabel="thousand parameters", xticks=x)
        counts.set_ylim(0, 1.1 * max(trained(loops[pair]) / 1e3 for pair in pairs))
    legend_below(figure, panels[:1])
    return figure
