"""The texts of the reported rows while they are being written, kept in the run's directory: writing them can take longer than training."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256

import torch
from torch import Tensor

from lopa_bench.config.schema import Config
from lopa_bench.errors import RunFailed
from lopa_bench.host.processes import Processes
from lopa_bench.methods.adapted import AdaptedModel
from lopa_bench.results.provenance import versions
from lopa_bench.run.checkpoint import Checkpoints

Tokens = list[list[int]]  # of every sample of a row
Write = Callable[[], list[Tokens]]


class Written:
    """New tokens by row, in this process's file. A run that is stopped, or whose scorer dies, writes only what is missing.

    A batch is written again where one of its rows is missing: the same rows are then padded to the same length. Tokens of other trained
    parameters, of another precision or device, or of other versions of the packages are not taken.
    """

    def __init__(self, model: AdaptedModel, checkpoints: Checkpoints, together: Processes) -> None:
        self._files = checkpoints.beside(f"texts.{together.rank}")
        self._by = {"parameters": _digest(model.trainable()), "on": _machine(model), "versions": versions()}
        state = self._files.load() or {}
        self._tokens: dict[int, Tokens] = {}
        if {name: state.get(name) for name in self._by} == self._by:
            self._tokens = state["tokens"]
        else:
            self._files.before = 0.0  # nothing of that time is in the result
        checkpoints.before += self._files.before

    def of(self, rows: Sequence[int], write: Write) -> list[Tokens]:
        """The tokens of a batch of rows, as they are kept, or else as `write` now makes them."""
        if not all(row in self._tokens for row in rows):
            self._tokens.update(zip(rows, write(), strict=True))
            if self._files.due:
                self.save()
        return [self._tokens[row] for row in rows]

    def save(self) -> None:
        """Write the file. Raises `RunFailed` where that cannot be."""
        self._files.save({**self._by, "tokens": self._tokens})


def _digest(parameters: Mapping[str, Tensor]) -> str:
    """Of the values, one tensor after the other: all of a model that is trained whole may not fit in memory twice."""
    digest = sha256()
    for name, parameter in sorted(parameters.items()):
        digest.update(name.encode())
        digest.update(parameter.detach().cpu().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _machine(model: AdaptedModel) -> str:
    """The kind of device and the type of the numbers that it computes with."""
    return f"{model.backbone.device.type} {model.backbone.dtype}"


@contextmanager
def kept(
    model: AdaptedModel, config: Config, checkpoints: Checkpoints, together: Processes
) -> Iterator[Written | None]:
    """What is written within the block is saved from time to time, and at its end however that comes.

    None, so nothing is kept, where labels are answered (soon done), where vLLM writes (all at once), where a model is divided among
    the processes (all of them do every batch together), and by a process that does not see the run's folder: it is the first one's.
    """
    at_once = config.generation is None or config.generation.generator == "vllm"
    if at_once or config.train.shard or not checkpoints.folder.is_dir():
        yield None
        return
    written = Written(model, checkpoints, together)
    try:
        yield written
    except BaseException:
        with suppress(RunFailed):  # what has ended the block is told
            written.save()
        raise
    written.save()
