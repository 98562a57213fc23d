"""Classification by label words, without a classifier head: a masked LM fills `<mask>`, a causal one goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from string import punctuation, whitespace
from typing import Literal

from pydantic import Field

from lopa_bench.config.fields import Kind, settings
from lopa_bench.config.marks import MASK, spelt
from lopa_bench.errors import UserError
from lopa_bench.metrics.classification import METRICS
from lopa_bench.metrics.metric import Line, Metric, Scores, by_name
from lopa_bench.tasks.base import Predictions, Record, Task
from lopa_bench.tasks.example import Example
from lopa_bench.tasks.template import check_template


@settings
class Glue(Task):
    """A sentence or sentence-pair classification task.

    Attributes:
        template: the cloze, with field names in braces and one `<mask>`. Templates and label words are the authors'.
        causal_template: what a causal LM is asked, ending where its answer stands; None: the cloze up to its mask.
        label_aliases: other names of the labels -> label.
        scored_by: names in metrics/classification.py; the last one selects epochs and stands in tables.
        f1_label: the label that F1 is of, and that makes `glue` the mean of F1 and accuracy (MRPC and QQP).
    """

    template: str
    label_aliases: dict[str, str] = Field(default_factory=dict)
    scored_by: list[Literal["accuracy", "f1", "glue", "matthews"]] = Field(min_length=1)
    f1_label: str | None = None
    causal_template: str | None = None

    kind = "classification"

    def __post_init__(self) -> None:
        if "f1" in self.scored_by and self.f1_label is None:
            raise ValueError(
                f"task.scored_by has f1, which is of one class: name it, task.f1_label={next(iter(self.label_words), 'CLASS')}"
            )
        if self.f1_label is not None and self.label_words and self.f1_label not in self.label_words:
            raise ValueError(f"task.f1_label={self.f1_label} is no class; there are {', '.join(self.label_words)}")
        own = type(self)
        if own.question is Glue.question and own.examples is Glue.examples:  # else its braces are the class's own
            check_template("task.template", self.template, self.columns, self.answer_fields)
            if self.causal_template is not None:
                check_template("task.causal_template", self.causal_template, self.columns, self.answer_fields)

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """Over label words, which is what lines hold."""
        positive = None if self.f1_label is None else self.label_words[self.f1_label]
        return self._metrics(self.label_words.values(), positive)

    @property
    def metrics_over_labels(self) -> Mapping[str, Metric]:
        """The same over the labels themselves, as files of others hold them."""
        return self._metrics(self.label_words, self.f1_label)

    def _metrics(self, classes: Iterable[str], positive: str | None) -> Mapping[str, Metric]:
        return by_name([METRICS[name](tuple(classes), positive) for name in self.scored_by])

    @property
    def metric(self) -> str:
        return self.scored_by[-1]

    @property
    def _has_f1(self) -> bool:
        return not {"f1", "glue"}.isdisjoint(self.scored_by)

    def unread(self) -> Mapping[str, str]:
        if self.f1_label is None or self._has_f1:
            return {}
        scored = f"task.scored_by={','.join(self.scored_by)} is of no one class"
        return {"f1_label": f"{scored}; nearest: task.scored_by=[accuracy,f1]"}

    def fault(self, record: Record) -> str | None:
        """As of any task, but a template and a label take numbers, as JSON has them, too."""
        wrong = super().fault({field: str(v) if isinstance(v, int | float) else v for field, v in record.items()})
        read = [name for name in record if name not in self.answer_fields]
        if not wrong and not any(str(record[name]).strip() for name in read):
            wrong = f"nothing in {' and '.join(read)}"
        return wrong or (
            self.unknown(self.gold(record)) if all(name in record for name in self.answer_fields) else None
        )

    def unknown(self, label: str) -> str | None:
        """What a record has whose label is none of the task's; None for one that is."""
        return None if label in self.label_words else f"the label {label!r}, known are {', '.join(self.label_words)}"

    @property
    def answer_fields(self) -> Sequence[str]:
        return ("label",)

    def question(self, record: Record) -> str:
        fields = {
            key: value.replace(MASK, spelt(MASK)) if isinstance(value, str) else value for key, value in record.items()
        }
        return self.template.format(**fields)

    def gold(self, record: Record) -> str:
        """The record's label."""
        label = str(record["label"])  # a number in JSON
        return self.label_aliases.get(label, label)

    def for_kind(self, kind: Kind) -> Glue:
        if kind == "masked":
            if self.template.count(MASK) != 1:
                raise UserError(
                    f"task.template={self.template!r}: a masked LM's text has one {MASK}, where the answer stands"
                )
            return replace(self, causal_template=None)
        asked = self._up_to_the_mask() if self.causal_template is None else self.causal_template
        if MASK in asked:
            raise UserError(
                f"task.causal_template={asked!r}: a causal LM has no mask; end the text where the answer is to stand"
            )
        return replace(self, template=asked, causal_template=None)

    def _up_to_the_mask(self) -> str:
        before, _, after = self.template.partition(MASK)
        if after.strip(punctuation + whitespace):
            raise UserError(
                f"task={self.name}: a causal LM reads nothing behind its answer, and behind {MASK} the cloze has {after.strip()!r}; "
                "give task.causal_template='…', which ends where the answer is to stand"
            )
        return before.rstrip(" ")  # a label word brings its blank

    def examples(self, records: Sequence[Record]) -> list[Example]:
        return [self._example(record) for record in records]

    def remarks(self, train: Sequence[Example], test: Sequence[Example]) -> list[str]:
        """One class in training, and an F1 of a class that no reported row has."""
        names = {word: label for label, word in self.label_words.items()}
        found, trained = [], {names.get(example.target) for example in train}
        if len(trained) == 1:
            found.append(
                f"all {len(train):,} training rows are of the class {trained.pop()}: there is nothing to be told apart"
            )
        if (
            self.f1_label is not None
            and self._has_f1
            and self.f1_label not in {names.get(example.target) for example in test}
        ):
            found.append(f"no test row is of the class {self.f1_label}, which F1 is of: it is 0 whatever is answered")
        return found

    def _example(self, record: Record) -> Example:
        label = self.gold(record)
        if wrong := self.unknown(label):
            raise UserError(f"task={self.name}: a row has {wrong}")
        return Example(self.question(record), self.label_words[label], {"label": label})

    def lines(self, examples: Sequence[Example], predictions: Predictions) -> list[Line]:
        label_of = {word: label for label, word in self.label_words.items()}
        return [
            {
                **line,
                "label": label_of.get(line["target"]),
                "predicted_label": label_of.get(line["prediction"]),
                "correct": line["prediction"] == line["target"],
            }
            for line in super().lines(examples, predictions)
        ]

    def baseline(self, train: Sequence[Example], test: Sequence[Example]) -> Scores:
        majority = Counter(e.target for e in train).most_common(1)[0][0]
        return self.score(test, [[majority]] * len(test))
