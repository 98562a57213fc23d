"""What `readout=classifier` asks of a run. Imports no torch."""

from __future__ import annotations

from lopa_bench.config.fields import Kind
from lopa_bench.config.schema import Config
from lopa_bench.errors import UserError


def check_readout(config: Config, kind: Kind) -> None:
    """Raise `UserError` where the run, with a backbone of this kind, cannot be read as it says."""
    if config.readout == "label_words":
        return
    if not config.task.label_words:
        raise UserError(
            f"readout=classifier: task={config.task.name} is answered in generated text, not with one of several labels; "
            "nearest: readout=label_words"
        )
    if kind == "causal":
        raise UserError(
            "readout=classifier: the first token of a causal LM, which it reads, has seen no other; nearest: readout=label_words"
        )
    if not config.train.epochs:
        raise UserError("readout=classifier: with train.epochs=0 the classifier stays random; nearest: train.epochs=1")
