"""Data into text: E2E restaurants and WebNLG triples, in the form of LoRA's pipeline (Hu et al. 2022), which the paper follows."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from lopa_bench.config.fields import settings
from lopa_bench.config.marks import BOS
from lopa_bench.metrics import nlg
from lopa_bench.metrics.files.texts import fault_of_texts, is_good
from lopa_bench.metrics.metric import Line, Metric, Scores, first
from lopa_bench.tasks.base import Predictions, Record, Task
from lopa_bench.tasks.example import Example
from lopa_bench.tasks.meaning import meaning


@settings
class DataToText(Task):
    """A table, the begin token, a blank and the text: so GPT-2 reads it in LoRA's pipeline.

    Training takes each reference as a row; evaluation takes each input once, with all its references.
    """

    kind = "text"

    @abstractmethod
    def table(self, record: Record) -> str:
        """The input as one line."""

    @abstractmethod
    def references(self, record: Record) -> list[str]:
        """The texts of one record."""

    def question(self, record: Record) -> str:
        return self.table(record) + BOS

    def input_of(self, record: Record) -> str:
        return self.question(record)

    def completion(self, question: str, text: str) -> str:
        """A text as it stands behind its question."""
        return " " + text

    def details(self, record: Record) -> Mapping[str, Any]:
        """What else the scorer needs to know of an input."""
        return {}

    def examples(self, records: Sequence[Record]) -> list[Example]:
        return [
            Example(question, self.completion(question, text))
            for record in records
            for question in [self.question(record)]
            for text in self.references(record)
        ]

    def evaluation_examples(self, records: Sequence[Record]) -> list[Example]:
        grouped: dict[str, tuple[list[str], Mapping[str, Any]]] = {}
        for record in records:
            texts, _ = grouped.setdefault(self.question(record), ([], self.details(record)))
            texts += self.references(record)
        return [
            Example(question, self.completion(question, texts[0]), {"references": texts, **details})
            for question, (texts, details) in grouped.items()
            if texts
        ]

    def lines(self, examples: Sequence[Example], predictions: Predictions) -> list[Line]:
        made = super().lines(examples, predictions)
        return [{**line, **example.record} for line, example in zip(made, examples, strict=True)]

    def answer(self, text: str) -> str:
        """The first paragraph on one line, as in LoRA's and the authors' decoding."""
        return text.split("\n\n")[0].strip().replace("\n", " ")

    def scoring(self) -> dict[str, Any]:
        missing = nlg.missing()
        return {"missing": missing} if missing else {}


def _texts(lines: Sequence[Line]) -> tuple[list[str], list[list[str]]]:
    """Outputs, of several samples the first, and their references."""
    return [first(line["prediction"]) for line in lines], [line["references"] for line in lines]


@settings
class E2E(DataToText):
    """`name[The Eagle], eatType[pub]` is read as `name : The Eagle | Type : pub` (the attribute names and price signs of LoRA's files).

    Other notations of the same meaning (meaning.py) give the same input.

    The texts are the challenge's own; LoRA's files have them tokenised.
    """

    attribute_names: dict[str, str]

    @property
    def metrics(self) -> Mapping[str, Metric]:
        return nlg.E2E

    @property
    def metric(self) -> str:
        return "bleu"

    def table(self, record: Record) -> str:
        pairs = meaning(record["mr"])
        return " | ".join(f"{self.attribute_names.get(name, name)} : {_spaced(value)}" for name, value in pairs)

    def references(self, record: Record) -> list[str]:
        return [record["ref"]]

    @property
    def answer_fields(self) -> Sequence[str]:
        return ("ref",)

    def fault(self, record: Record) -> str | None:
        if wrong := super().fault(record):
            return wrong
        try:
            meaning(record["mr"])
        except ValueError as error:
            return f"no meaning representation: {error}"
        return "an empty ref" if "ref" in record and not record["ref"].strip() else None

    def score_lines(self, lines: Sequence[Line]) -> Scores:
        return nlg.e2e(*_texts(lines))

    def selection_score(self, examples: Sequence[Example], predictions: Predictions) -> Scores:
        return {self.metric: self.metrics[self.metric].of(self.lines(examples, predictions))}


def _spaced(value: str) -> str:
    """`£20-25` as `£ 20 - 25`, which stays as it is."""
    return re.sub(r"(?<=\d) ?- ?(?=\d)", " - ", re.sub(r"£ ?", "£ ", value))


@settings
class WebNlg(DataToText):
    """Triples are read as `subject : property : object`, with ` | ` between them; texts marked as anything but good are left out."""

    @property
    def metrics(self) -> Mapping[str, Metric]:
        return nlg.WEBNLG_BY_SUBSET

    @property
    def metric(self) -> str:
        return "bleu_all"

    def table(self, record: Record) -> str:
        return " | ".join(f"{t['subject']} : {t['property']} : {t['object']}" for t in record["triples"])

    def references(self, record: Record) -> list[str]:
        return [text["lex"] for text in record["texts"] if is_good(text)]

    def fault(self, record: Record) -> str | None:
        if not _triples(record["triples"]):
            return "no triples of subject, property and object"
        if wrong := fault_of_texts(record.get("texts", [])):
            return wrong
        return None if isinstance(record.get("category", ""), str) else "no text in category"

    @property
    def answer_fields(self) -> Sequence[str]:
        return ("texts", "category")

    def left_out(self, record: Record) -> str | None:
        return None if self.references(record) else "no text that is not blank or marked as bad"

    def details(self, record: Record) -> Mapping[str, Any]:
        return {"category": record["category"]}

    def score_lines(self, lines: Sequence[Line]) -> Scores:
        """Of lines without categories, as version 0.2.0 wrote them before 28 November 2026, those over all of them."""
        if all("category" in line for line in lines):
            return nlg.webnlg_by_subset(*_texts(lines), [line["category"] for line in lines])
        return {f"{name}_all": value for name, value in nlg.webnlg(*_texts(lines)).items()}


def _triples(values: Any) -> bool:
    """Whether this is a list, not empty, of objects that have a text under each of a triple's names."""
    names = ("subject", "property", "object")
    return (
        isinstance(values, list)
        and bool(values)
        and all(isinstance(each, Mapping) and all(isinstance(each.get(name), str) for name in names) for each in values)
    )
