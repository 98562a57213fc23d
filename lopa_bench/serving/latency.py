"""Milliseconds of each method's request on this machine, from modules with random weights."""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lopa_bench.methods.base import Method, SoftPromptMethod
from lopa_bench.models import shapes
from lopa_bench.models.files import ModelFiles

if TYPE_CHECKING:
    from torch import Tensor

    from lopa_bench.serving.bill import Cost

REPEATS = 15


def measure(
    costs: list[Cost], chosen: list[Method], files: ModelFiles, encoder_files: ModelFiles, tokens: int
) -> float:
    """Add measured milliseconds to `costs`, from modules with random weights; the bare backbone's own, for scale."""
    import torch

    from lopa_bench.methods.soft_prompt import Parts
    from lopa_bench.models.batches import Batch

    bare = shapes.build(files, "cpu").eval()
    bare.freeze()
    encoder = bare if encoder_files == files else shapes.build(encoder_files, "cpu").eval()
    ids = torch.randint(5, bare.config.vocab_size, (1, tokens))
    mask, zero = torch.ones_like(ids), torch.zeros(1, dtype=torch.long)
    batch = Batch(zero, ids, mask, zero, zero, zero)

    def read(length: int) -> Callable[[], Tensor]:
        embeds, whole = torch.randn(1, length, bare.width), torch.ones(1, length, dtype=torch.long)
        return lambda: bare.hidden(embeds, whole)

    base = milliseconds(read(tokens))
    for one, method in zip(costs, chosen, strict=True):
        if isinstance(method, SoftPromptMethod):
            one.server_ms = milliseconds(read(tokens + method.prompt_length)) - base
            parts = Parts(method.parts(bare.shape(encoder.width))).eval()

            def prompt(method: Any = method, parts: Any = parts) -> Tensor:
                features = encoder.body(input_ids=ids, attention_mask=mask)[0][:, 0] if method.reads_instance else None
                return method.prompt(parts, features, 1)

            one.client_ms = milliseconds(prompt)
        elif one.backbones or method.name == "none":
            one.server_ms = 0.0
        else:
            adapted = method.adapt(copy.deepcopy(bare)).eval()
            one.server_ms = milliseconds(lambda adapted=adapted: adapted.hidden(batch)) - base
    return base


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
