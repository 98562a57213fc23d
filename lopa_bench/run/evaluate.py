"""A model's predictions and scores on the splits of its run."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

from lopa_bench.config.schema import Config
from lopa_bench.errors import UserError
from lopa_bench.host.processes import Processes
from lopa_bench.methods.adapted import AdaptedModel
from lopa_bench.metrics.metric import Line, Scores
from lopa_bench.models.batches import Split
from lopa_bench.results.prompts import EXAMPLES
from lopa_bench.results.record import Instance
from lopa_bench.run.predict import predict
from lopa_bench.run.written import Written
from lopa_bench.tasks.example import Example

SELECTION_SPLITS = {"holdout": "validation", "paper": "test", "last": None}


@dataclass(frozen=True)
class Tested:
    """What a trained model answered on the reported split: scores, the lines of predictions.jsonl they are of, the instance's part.

    `unended` is how many texts went on until their tokens were spent; None where nothing is written.
    """

    metrics: Scores
    lines: list[Line]
    unended: int | None = None
    instance: Instance | None = None


@dataclass(frozen=True)
class Evaluation:
    """Scores `model` on the splits; every process answers its share of the rows, the main one scores."""

    model: AdaptedModel
    config: Config
    examples: Mapping[str, Sequence[Example]]
    splits: Mapping[str, Split]
    together: Processes

    @property
    def selection_split(self) -> str | None:
        """The split that selects the epoch; None keeps the last epoch."""
        return SELECTION_SPLITS[self.config.selection]

    def selecting(self) -> Callable[[], Scores] | None:
        """Scores of the selection split whenever it is called, or None where there is none."""
        split = self.selection_split
        return None if split is None else lambda: self._score(split)

    def _score(self, split: str) -> Scores:
        predictions = predict(self.model, self.splits[split], self.config, self.together).texts
        scores = self.together.first(lambda: self.config.task.selection_score(self.examples[split], predictions))
        return self._checked(scores, split)

    def _checked(self, scores: Scores, split: str) -> Scores:
        """Raises `UserError` where a metric, which may be somebody's own, gives no number: nothing can be held against it."""
        for name, value in scores.items():
            if not math.isfinite(value):
                said = f"{name} of the {len(self.examples[split])} rows of the {split} split is {value}"
                raise UserError(
                    f"task={self.config.task.name}: {said}; let the metric be a number where it is undefined"
                )
        return scores

    def test(self, kept: Written | None = None) -> Tested:
        """Metrics and predictions on the reported split; `kept` has those of its texts that are written already."""
        predictions, unended = predict(self.model, self.splits["test"], self.config, self.together, kept)
        scores, lines = self.together.first(lambda: self.config.task.assess(self.examples["test"], predictions))
        return Tested(self._checked(scores, "test"), lines, unended if self.config.generation else None)

    @torch.no_grad()
    def kept(self) -> dict[str, bytes]:
        """Files that the method keeps of a classification's first test rows, by name."""
        if not self.config.task.label_words:
            return {}
        self.model.eval()
        split = self.splits["test"]
        first = range(min(EXAMPLES, len(split)))
        batch = split.batch(first).to(self.model.backbone.device)
        return self.config.method.keep(self.model, batch, [self.examples["test"][i].target for i in first])
