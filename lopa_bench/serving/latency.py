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


class Latency(NamedTuple):
    """Milliseconds of one request beyond the bare backbone's; None where there is nothing to compute."""

    server: float
    client: float | None


def measure(
    chosen: Sequence[Method], files: ModelFiles, encoder_files: ModelFiles, tokens: int
) -> tuple[float, list[Latency]]:
    """Milliseconds of a request of `tokens` tokens: the bare backbone's, and what each of the methods adds to it."""
    bare = shapes.build(files, "cpu").eval()
    bare.freeze()
    encoder = bare if encoder_files == files else shapes.build(encoder_files, "cpu").eval()
    base = milliseconds(_reading(bare, tokens))
    return base, [_of_method(method, bare, encoder, tokens, base) for method in chosen]


def _of_method(method: Method, bare: Backbone, encoder: Backbone, tokens: int, base: float) -> Latency:
    import torch

    from lopa_bench.models.batches import Batch

    ids = torch.randint(5, bare.config.vocab_size, (1, tokens))
    embeds = bare.embed(ids).float()
    mask, zero = torch.ones_like(ids), torch.zeros(1, dtype=torch.long)
    writer = method.prompt_writer(bare.shape(encoder.width))
    if writer is not None:

        def prompt() -> Tensor:
            features = encoder.body(input_ids=ids, attention_mask=mask)[0][:, 0] if method.reads_instance else None
            return writer(features, embeds)

        server = milliseconds(_reading(bare, tokens + method.prompt_length))
        return Latency(server - base, milliseconds(prompt))
    if method.trains != "own":  # the backbone's own modules, whatever their weights
        return Latency(0.0, None)
    adapted, batch = method.adapt(copy.deepcopy(bare)).eval(), Batch(zero, ids, mask, zero, zero, zero)
    if adapted.encoder is not None:
        batch.features = torch.randn(1, adapted.encoder.width)
    return Latency(milliseconds(lambda: adapted.hidden(batch)) - base, None)


def _reading(bare: Backbone, length: int) -> Callable[[], Tensor]:
    """A call in which `bare` reads `length` embedded tokens."""
    import torch

    embeds, mask = torch.randn(1, length, bare.width), torch.ones(1, length, dtype=torch.long)
    return lambda: bare.hidden(embeds, mask)


def milliseconds(call: Callable[[], Any]) -> float:
    """The median of repeated calls, after one that is not counted."""
    import torch

    times = []
    with torch.no_grad():
        call()
        for _ in range(REPEATS):
            started = time.perf_counter()
            call()
            times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times)
