"""A training step in RoBERTa-large's shape, on random weights: how many rows a second, and its peak of memory against the estimate.

With a run's own dropout; without its deterministic kernels, clipped gradients and rows of several lengths.
"""

from __future__ import annotations

import time
from typing import Any

import torch
from contest.measure import SAME_WORK, comparison, machine

from lopa_bench.config.compose import load_config
from lopa_bench.config.schema import Config
from lopa_bench.host.device import PeakMemory, default_device
from lopa_bench.models import shapes
from lopa_bench.models.backbone import resolve_precision
from lopa_bench.models.batches import Batch
from lopa_bench.run.memory import batch, estimate

METHODS = (
    ("lopa",),
    ("lopa", "method.freeze_encoder=false"),
    ("idpg",),
    ("pt",),
    ("lora",),
    ("fft",),
)
TOKENS, WARM_UP, STEPS = 128, 3, 15


def comparisons(tiny: bool = False) -> list[dict[str, Any]]:
    """The paper's batch of 16 rows, 128 tokens each, in fp32 and in bf16."""
    model, tokens = ("distilroberta", 8) if tiny else ("roberta_large", TOKENS)
    return [
        measure(words, precision, model, tokens)
        for words in (METHODS[:1] if tiny else METHODS)
        for precision in (["fp32"] if tiny else ["fp32", "bf16"])
    ]


def measure(words: tuple[str, ...], precision: str, model: str, tokens: int) -> dict[str, Any]:
    method, *more = words
    task = ["task=rte", "scale=paper", f"model={model}", "selection=last", f"precision={precision}"]
    config = load_config([f"method={method}", *task, *more])
    rate, peak = steps(config, model, tokens)
    return told(" ".join(words), precision, rate, peak, estimate(config, tokens).peak / 2**20, machine())


def told(
    what: str, precision: str, rate: float, peak: float, estimated: float, where: dict[str, Any]
) -> dict[str, Any]:
    """The less over the more of both peaks, MiB; the rows a second stand beside it."""
    less, more = sorted((peak, estimated))
    ran = {**where, "examples_per_second": rate, "measured": peak, "estimated": estimated}
    return comparison(f"{what}, {precision}", [less], "doctor's estimate", [more], 0.8, "MiB", ran, SAME_WORK)


def steps(config: Config, name: str, tokens: int) -> tuple[float, float]:
    """Rows a second of training steps, and their peak in MiB: on a GPU of what PyTorch has allocated there, on a CPU of the process."""
    with PeakMemory() as memory:
        rate = measured_rate(config, name, tokens)
    return rate, memory.mib


def measured_rate(config: Config, name: str, tokens: int) -> float:
    device = default_device()
    torch.manual_seed(0)
    backbone = shapes.build(shapes.files(name), device.type, resolve_precision(config.precision, device))
    model = config.method.adapt(backbone).train()
    rows = on_device(batch(config, model, tokens), device)
    optimizer = torch.optim.AdamW(model.trainable().values(), fused=True)
    for number in range(WARM_UP + STEPS):
        if number == WARM_UP:
            started = clock()
        with model.backbone.dropout.drawing(0, number, rows.index):
            model.loss(rows).backward()
        optimizer.step()
        optimizer.zero_grad()
    return len(rows.input_ids) * STEPS / (clock() - started)


def on_device(shaped: Batch, device: torch.device) -> Batch:
    """A batch of zeros."""
    return Batch(**{k: torch.zeros_like(v, device=device) for k, v in vars(shaped).items() if v is not None})


def clock() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()
