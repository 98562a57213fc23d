"""One's own rows in any columns: ``task=classify`` and ``task=write`` say on the command line what is read and what is wanted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, Field

from lopa_bench.config.fields import settings
from lopa_bench.config.keys import spell
from lopa_bench.config.marks import BOS, MASK, spelt
from lopa_bench.config.nearest import hint
from lopa_bench.metrics import bleu
from lopa_bench.metrics.metric import Floats, Line, Metric, by_name, first, percent_mean
from lopa_bench.tasks.base import Predictions, Record
from lopa_bench.tasks.data_to_text import DataToText
from lopa_bench.tasks.example import Example
from lopa_bench.tasks.glue import Glue

_BRACES = re.compile(r"\{\{|\}\}|\{([^{}]+)\}")


def fields_of(template: str) -> list[str]:
    """The columns that stand in braces, each once; ``{{`` and ``}}`` are braces of the text itself."""
    return list(dict.fromkeys(name for name in _BRACES.findall(template) if name))


def filled(template: str, record: Record) -> str:
    """The template with a row's values. Unlike in ``str.format`` a column's name may hold any sign; no value is a special token."""

    def value(name: str) -> str:
        return spell(record[name]).replace(MASK, spelt(MASK)).replace(BOS, spelt(BOS))

    return _BRACES.sub(lambda found: value(found[1]) if found[1] else found[0][0], template)


def _fault(key: str, template: str, record: Record) -> str | None:
    """What a row has that leaves every brace of the template under that key blank, or puts no text and no number in one."""
    names = fields_of(template)
    if wrong := next((name for name in names if not isinstance(record[name], str | int | float)), None):
        return f"no text in {wrong}"
    return (
        None
        if any(spell(record[name]).strip() for name in names)
        else f"nothing in {' and '.join(names) or f'{key}={template!r}'}"
    )


def _with_columns(key: str, template: str) -> None:
    """Raises `ValueError` for a template without a column, or with a lonely brace; none at all is a task that is still to be told."""
    if re.search("[{}]", _BRACES.sub("", template)):
        raise ValueError(
            f"{key}={template!r}: a brace is not closed or holds nothing; a column is {{NAME}}, a brace itself {{{{"
        )
    if template and not fields_of(template):
        raise ValueError(f"{key}={template!r} names no column; nearest: {key}='{{{template}}}'")


def _words(value: Any) -> Any:
    """The classes' words with YAML's numbers spelled; raises `ValueError` for what gives no word to each class."""
    if not isinstance(value, Mapping):
        raise ValueError("each class needs its word: task.words='{1: terrible, 5: great}'")
    return _spelled(value)


def _spelled(value: Any) -> Any:
    """YAML's numbers and truth values as the words that a file has for them: {1: bad} is {"1": "bad"}."""
    if isinstance(value, Mapping):
        return {spell(key): spell(word) for key, word in value.items()}
    return spell(value) if isinstance(value, (bool, int, float)) else value


@settings
class Classify(Glue):
    """One's own texts into classes.

    Attributes:
        text: the text, with columns in braces; ``<mask>`` where a masked LM answers, else at the end.
        label: the column of the class.
        words: class -> the word that stands for it, as it would stand in the text. The other settings of a cloze follow from these.
    """

    text: str = ""
    label: Annotated[str, BeforeValidator(_spelled)] = ""
    words: Annotated[dict[str, str], BeforeValidator(_words)] = Field(default_factory=dict)
    f1_label: Annotated[str | None, BeforeValidator(_spelled)] = None
    template: str = ""

    words_key = "task.words"

    def __post_init__(self) -> None:
        _with_columns("task.text", self.text)
        if self.text and not self.label:
            raise ValueError("task.label='': the column of the class is needed")
        if MASK not in self.text and (other := re.search(r"[<\[]\s*mask\s*[>\]]", self.text, re.IGNORECASE)):
            raise ValueError(f"task.text={self.text!r}: {other[0]} is text; the place of the answer is written {MASK}")
        if self.label in fields_of(self.text):
            raise ValueError(f"task.text={self.text!r} reads task.label={self.label}: the answer would be in the input")
        if self.text.count(MASK) > 1:
            raise ValueError(f"task.text={self.text!r} has {MASK} more than once; the answer is one word")
        if self.text and len(set(self.words.values())) < 2:
            raise ValueError(
                "task.words needs two classes or more, each with a word of its own: {1: terrible, 5: great}"
            )
        if self.f1_label is not None and self.f1_label not in self.words:
            raise ValueError(
                f"task.f1_label={self.f1_label} is no class of task.words{hint(self.f1_label, self.words)}"
            )
        asked = self.text.rstrip(" ")
        whole = self.text if MASK in self.text else f"{asked}{'' if asked.endswith(chr(10)) else ' '}{MASK}"
        before = whole.partition(MASK)[0]
        blank = " " if before.endswith(" ") else ""
        names = [*fields_of(self.text), *filter(None, [self.label])]
        derived = {
            "template": self.template or whole,
            "label_words": {label: blank + word.strip() for label, word in self.words.items()},
            "columns": {name: [name] for name in names},
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)
        Glue.__post_init__(self)

    @property
    def answer_fields(self) -> Sequence[str]:
        return (self.label,)

    def question(self, record: Record) -> str:
        return filled(self.template, record)

    def gold(self, record: Record) -> str:
        """The class, without blanks around it. Where there is no such one, 5 for 5.0 and true for True, which pandas writes."""
        label = spell(record[self.label]).strip()
        other = label.lower() if label in ("True", "False") else label.removesuffix(".0")
        return other if label not in self.words and other in self.words else label

    def fault(self, record: Record) -> str | None:
        return _fault("task.text", self.text, record) or (
            self.unknown(self.gold(record)) if self.label in record else None
        )

    def unknown(self, label: str) -> str | None:
        """Why a label has no answer, with the nearest that has one; None where it has one."""
        if label in self.words:
            return None
        near = hint(label, self.words)
        return f"{self.label}={label}, for which task.words has no word; it has {', '.join(self.words)}{near}"


def _exact(lines: Sequence[Line]) -> Floats:
    return np.array([[first(line["prediction"]) in line["references"]] for line in lines], dtype=float)


METRICS = by_name(
    [
        bleu.metric("bleu", "BLEU", str, bleu.plain),
        Metric("exact", "exact match", per_row=_exact, aggregate=percent_mean),
    ]
)


@settings
class Write(DataToText):
    """One's own inputs into texts, by a causal LM. Rows with one input are one when they are scored, with all their targets.

    Attributes:
        input: what is read, with columns in braces. target: what is to be written behind it.
        metric: what epochs are selected by and tables show.
    """

    input: str = ""
    target: str = ""
    metric: Literal["bleu", "exact"] = "bleu"

    def __post_init__(self) -> None:
        for key in ("input", "target"):
            _with_columns(f"task.{key}", getattr(self, key))
        if self.target and not set(fields_of(self.target)) - set(fields_of(self.input)):
            raise ValueError(
                f"task.input={self.input!r} reads all of task.target={self.target!r}: nothing is left to write"
            )
        names = fields_of(self.input) + fields_of(self.target)
        object.__setattr__(self, "columns", {name: [name] for name in names})

    @property
    def answer_fields(self) -> Sequence[str]:
        return [name for name in fields_of(self.target) if name not in fields_of(self.input)]

    @property
    def metrics(self) -> Mapping[str, Metric]:
        return METRICS

    def table(self, record: Record) -> str:
        return filled(self.input, record).rstrip(" ")

    def question(self, record: Record) -> str:
        return self.table(record)

    def references(self, record: Record) -> list[str]:
        return [filled(self.target, record).strip()]

    def completion(self, question: str, text: str) -> str:
        return text if question.endswith("\n") else f" {text}"

    def fault(self, record: Record) -> str | None:
        keys = ["input", *(["target"] if all(name in record for name in self.answer_fields) else [])]
        found = (_fault(f"task.{key}", getattr(self, key), record) for key in keys)
        return next((wrong for wrong in found if wrong), None)

    def answer(self, text: str) -> str:
        return text.strip()

    def scoring(self) -> dict[str, Any]:
        return {}

    def remarks(self, train: Sequence[Example], test: Sequence[Example]) -> list[str]:
        """Targets that have not the four words which BLEU counts by."""
        texts = [text for example in test for text in example.record["references"]]
        if self.metric != "bleu" or bleu.counts(texts, [[text] for text in texts])[:, bleu.TOTALS].all(-1).any():
            return []
        return [
            "no target of the test rows has four words: BLEU is 0 whatever is written, and the first epoch is as good as any; "
            "task.metric=exact"
        ]

    def lines(self, examples: Sequence[Example], predictions: Predictions) -> list[Line]:
        made = super().lines(examples, predictions)
        return [{**line, "target": line["target"].strip()} for line in made]
