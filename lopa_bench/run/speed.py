"""What makes a training step smaller or faster, and what is said where memory runs out all the same."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from lopa_bench.config.schema import Config, Train
from lopa_bench.errors import RunFailed
from lopa_bench.host.processes import Processes
from lopa_bench.methods.adapted import AdaptedModel
from lopa_bench.methods.base import Method
from lopa_bench.models.layers import checkpoint_layers
from lopa_bench.run.shard import shard

SIZES = (
    "rank",
    "num_virtual_tokens",
    "prompts",
    "bottleneck",
    "mlp_width",
    "head_size",
)  # of methods, whichever one has

# What PyTorch says of memory without an error of its own: of the machine's, and of a GPU's that it does not give out itself.
OUT_OF_MEMORY = (
    "can't allocate memory",
    "size calculation overflowed",
    "CUDA error: out of memory",
    "_STATUS_ALLOC_FAILED",
)


def speed_up(model: AdaptedModel, train: Train, together: Processes) -> None:
    """Do to `model` what `train` asks of a training step. Raises `UserError` where it cannot be done."""
    model.backbone.reads_all = train.compile or train.shard  # which do not follow hooks that come and go
    if train.gradient_checkpointing:
        checkpoint_layers(model.backbone.model, model.backbone.recomputing)
        if model.encoder is not None and not model.encoder.frozen:
            checkpoint_layers(model.encoder.module, model.backbone.dropout.again)
    if train.compile:
        model.backbone.compile_body()
    if train.shard:
        shard(model, together)


@contextlib.contextmanager
def memory_advice(config: Config) -> Iterator[None]:
    """Running out of memory becomes one line that says what to lower. Raises `RunFailed`."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        told = any(words in str(error) for words in OUT_OF_MEMORY)
        if not isinstance(error, (MemoryError, torch.OutOfMemoryError)) and not told:
            raise
        train, sizes = config.train, _sizes(config.method)
        raise RunFailed(
            f"out of memory; lower train.batch_size={train.batch_size} (train.accumulate keeps rows per step), "
            f"train.eval_batch_size={train.eval_batch_size} or train.max_length={train.max_length}, set precision=bf16"
            + (f", or let the method train less ({', '.join(sizes)})" if sizes else "")
        ) from error


def _sizes(method: Method) -> list[str]:
    """The settings by which this method trains more or less."""
    given = {name: getattr(method, name, None) for name in SIZES}
    return [f"method.{name}={value}" for name, value in given.items() if value is not None]
