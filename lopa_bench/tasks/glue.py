"""GLUE as a cloze: a masked LM fills `<mask>` and label words stand for the classes (no classifier head)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from lopa_bench.config.fields import settings
from lopa_bench.errors import UserError
from lopa_bench.metrics.classification import classification_scores
from lopa_bench.tasks.base import Correct, Predictions, Record, Task
from lopa_bench.tasks.example import Example

MASK = "<mask>"  # in templates; replaced by the tokenizer's own mask token


@settings
class Glue(Task):
    """A sentence or sentence-pair classification task.

    Attributes:
        template: the cloze, with field names in braces and one `<mask>`. Templates and label words are the authors'.
        label_aliases: other names of the labels -> label.
        f1_label: report F1 of this label too, and the mean with accuracy as `glue` (MRPC and QQP).
    """

    template: str
    label_aliases: dict[str, str]
    f1_label: str | None

    @property
    def metric(self) -> str:
        return "glue"

    def examples(self, records: Sequence[Record]) -> list[Example]:
        return [self._example(record) for record in records]

    def _example(self, record: Record) -> Example:
        label = str(record["label"])  # a number in JSON
        label = self.label_aliases.get(label, label)
        if label not in self.label_words:
            raise UserError(f"task={self.name}: a row has the label {label!r}, known are {', '.join(self.label_words)}")
        return Example(self.template.format(**record), self.label_words[label], {"label": label})

    def score(self, examples: Sequence[Example], predictions: Predictions) -> dict[str, float]:
        labels = {word: label for label, word in self.label_words.items()}
        return self._scores([e.record["label"] for e in examples], [labels.get(p[0], "") for p in predictions])

    def _scores(self, gold: list[str], predicted: list[str]) -> dict[str, float]:
        return classification_scores(gold, predicted, f1_label=self.f1_label)

    def assess(self, examples: Sequence[Example], predictions: Predictions) -> tuple[dict[str, float], Correct]:
        right = [texts[0] == example.target for example, texts in zip(examples, predictions, strict=True)]
        return self.score(examples, predictions), right

    def baseline(self, train: Sequence[Example], test: Sequence[Example]) -> dict[str, float]:
        majority = Counter(e.record["label"] for e in train).most_common(1)[0][0]
        return self._scores([e.record["label"] for e in test], [majority] * len(test))
