"""Milliseconds of each method's request on this machine, from modules with random weights."""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from lopa_bench.methods.base import Method
from lopa_bench.models import shapes
from lopa_bench.models.files import ModelFiles

if TYPE_CHECKING:
    from torch import Tensor

    from lopa_bench.models.backbone import Backbone

REPEATS = 15


class Timing(NamedTuple):
    """Milliseconds: the median of repeated calls, and half of their interquartile range."""

    ms: float
    spread: float


class Latency(NamedTuple):
    """What one request takes beyond the bare backbone's; None where there is nothing to compute."""

    server: Timing
    client: Timing | None


def measure(
    chosen: Sequence[Method], files: ModelFiles, encoder_files: ModelFiles, tokens: int
) -> tuple[Timing, list[Latency]]:
    """How long a request of `tokens` tokens takes: the bare backbone's, and what each of the methods adds to it."""
    bare = shapes.build(files, "cpu").eval()
    bare.freeze()
    encoder = bare if encoder_files == files else shapes.build(encoder_files, "cpu").eval()
    base = timed(_reading(bare, tokens))
    return base, [_of_method(method, bare, encoder, tokens) for method in chosen]


def _of_method(method: Method, bare: Backbone, encoder: Backbone, tokens: int) -> Latency:
    import torch

    from lopa_bench.models.batches import Batch

    ids = torch.randint(5, bare.config.vocab_size, (1, tokens))
    # Its own tokens, cut to what it reads.
    instance = torch.randint(5, encoder.config.vocab_size, (1, min(tokens, encoder.files.positions)))
    embeds = bare.embed(ids).float()
    mask, zero = torch.ones_like(ids), torch.zeros(1, dtype=torch.long)
    writer = method.prompt_writer(bare.shape(encoder.width))

    def features() -> Tensor:
        states: Tensor = encoder.body(input_ids=instance, attention_mask=torch.ones_like(instance))[0]
        return states[:, 0]

    if writer is not None:

        def prompt() -> Tensor:
            return writer(features() if method.reads_instance else None, embeds)

        server = timed(_reading(bare, tokens + method.prompt_length), beside=_reading(bare, tokens))
        return Latency(server, timed(prompt))
    if method.trains != "own":  # the backbone's own modules, whatever their weights
        return Latency(Timing(0.0, 0.0), None)
    adapted, batch = method.adapt(copy.deepcopy(bare)).eval(), Batch(zero, ids, mask, zero, zero, zero)
    adapted.end_search()  # served is what is left after it
    if adapted.encoder is not None:
        batch.features = torch.randn(1, adapted.encoder.width)
    server = timed(lambda: adapted.hidden(batch), beside=_reading(bare, tokens))
    return Latency(server, timed(features) if method.reads_instance else None)


def _reading(bare: Backbone, length: int) -> Callable[[], Tensor]:
    """A call in which `bare` reads `length` embedded tokens."""
    import torch

    embeds, mask = torch.randn(1, length, bare.width), torch.ones(1, length, dtype=torch.long)
    return lambda: bare.hidden(embeds, mask)


def timed(call: Callable[[], Any], beside: Callable[[], Any] | None = None) -> Timing:
    """How long `call` takes, after one that is not counted; with `beside`, how much longer than that, the two in turn."""
    import torch

    def milliseconds(what: Callable[[], Any]) -> float:
        started = time.perf_counter()
        what()
        return 1000 * (time.perf_counter() - started)

    with torch.no_grad():
        call()
        times = [milliseconds(call) - (milliseconds(beside) if beside else 0.0) for _ in range(REPEATS)]
    low, middle, high = statistics.quantiles(times, n=4)
    return Timing(middle, (high - low) / 2)
