"""How far a run has trained. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass, field

from lopa_bench.metrics.metric import Scores


@dataclass
class Progress:
    """Everything that changes while a run trains; what a checkpoint holds beside the tensors.

    Attributes:
        epoch, batch: the next batch to train on; step: optimiser steps done.
        history: rows of history.csv.
        best_epoch, best_scores: of the epoch whose parameters are kept, by the selection split.
        gradient_norm: at the first and the last logged step.
        search: what the method's search has found, once it is over.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    seconds: float = 0.0
    examples: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    best_scores: Scores = field(default_factory=dict)
    trained_parameters: int = 0
    gradient_norm: dict[str, float] = field(default_factory=dict)
    search: dict[str, list[int | float]] = field(default_factory=dict)
