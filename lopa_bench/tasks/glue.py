"""Classification as a cloze: a masked LM fills `<mask>` and label words stand for the classes (no classifier head), as in GLUE."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field

from lopa_bench.config.fields import settings
from lopa_bench.errors import UserError
from lopa_bench.metrics.classification import METRICS
from lopa_bench.metrics.metric import Line, Metric, by_name
from lopa_bench.tasks.base import Predictions, Record, Scores, Task
from lopa_bench.tasks.example import Example

MASK = "<mask>"  # in templates; replaced by the tokenizer's own mask token


def spelt(token: str) -> str:
    """A special token's letters, as a text may hold them, apart from its brackets: the tokenizer reads ordinary words."""
    return f"{token[0]} {token[1:-1]} {token[-1]}"


@settings
class Glue(Task):
    """A sentence or sentence-pair classification task.

    Attributes:
        template: the cloze, with field names in braces and one `<mask>`. Templates and label words are the authors'.
        label_aliases: other names of the labels -> label.
        scored_by: names in metrics/classification.py; the last one selects epochs and stands in tables.
        f1_label: the label that F1 is of, and that makes `glue` the mean of F1 and accuracy (MRPC and QQP).
    """

    template: str
    label_aliases: dict[str, str] = Field(default_factory=dict)
    scored_by: list[Literal["accuracy", "f1", "glue", "matthews"]] = Field(min_length=1)
    f1_label: str | None = None

    kind = "classification"

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """Over label words, which is what lines hold."""
        positive = None if self.f1_label is None else self.label_words[self.f1_label]
        return by_name([METRICS[name](tuple(self.label_words.values()), positive) for name in self.scored_by])

    @property
    def metric(self) -> str:
        return self.scored_by[-1]

    def fault(self, record: Record) -> str | None:
        """As of any task, but a template and a label take numbers, as JSON has them, too."""
        return super().fault({field: str(v) if isinstance(v, int | float) else v for field, v in record.items()})

    def examples(self, records: Sequence[Record]) -> list[Example]:
        return [self._example(record) for record in records]

    def _example(self, record: Record) -> Example:
        label = str(record["label"])  # a number in JSON
        label = self.label_aliases.get(label, label)
        if label not in self.label_words:
            raise UserError(f"task={self.name}: a row has the label {label!r}, known are {', '.join(self.label_words)}")
        fields = {
            key: value.replace(MASK, spelt(MASK)) if isinstance(value, str) else value for key, value in record.items()
        }
        return Example(self.template.format(**fields), self.label_words[label], {"label": label})

    def lines(self, examples: Sequence[Example], predictions: Predictions) -> list[Line]:
        return [
            {**line, "correct": line["prediction"] == line["target"]} for line in super().lines(examples, predictions)
        ]

    def baseline(self, train: Sequence[Example], test: Sequence[Example]) -> Scores:
        majority = Counter(e.target for e in train).most_common(1)[0][0]
        return self.score(test, [[majority]] * len(test))
