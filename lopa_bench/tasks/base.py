"""What every task is: records into strings, strings into scores. Imports no torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from lopa_bench.config.fields import settings
from lopa_bench.tasks.example import Example

BOS = "<bos>"  # in templates; replaced by the tokenizer's own begin token

Record = Mapping[str, Any]
Predictions = Sequence[Sequence[str]]  # per example, its n predicted strings (one, but for sampled programs)
Correct = (
    Sequence[bool | list[bool | None]] | None
)  # per example; of several samples: each, None for one that does not count


@settings
class HubSource:
    """A data set on the hub and the names of its splits there, or slices of them ("test[:400]"). `validation` may be absent."""

    path: str
    name: str | None = None
    train: str
    test: str
    validation: str | None = None


def _hub_source(value: Any) -> Any:
    return HubSource(**value) if isinstance(value, dict) else value


@settings
class Task(ABC):
    """A data set, how it is put into words, and how it is scored.

    Attributes:
        family: which of a scale's recipes and models it takes.
        files: split -> candidate paths below ``data.dir``; the first that exists is read. The split `test` is the one reported. A file
            that holds several splits takes a slice of its rows, as in ``"cruxeval.jsonl[:400]"``.
        columns: field -> candidate column names in those files; records reach `examples` under the field names.
        label_words: label -> the word that stands for it (its leading space matters to byte-level tokenizers); empty for generation.
        stop_words: generated text ends before the first of these.
    """

    name: str
    family: str
    files: dict[str, list[str]]
    hub: Annotated[HubSource | None, BeforeValidator(_hub_source)]
    columns: dict[str, list[str]]
    label_words: dict[str, str] = Field(default_factory=dict)
    stop_words: list[str] = Field(default_factory=list)

    @property
    @abstractmethod
    def metric(self) -> str:
        """The metric that epochs are selected by and tables show first."""

    @abstractmethod
    def examples(self, records: Sequence[Record]) -> list[Example]:
        """Put records (under their field names) into words, as they are trained on."""

    def evaluation_examples(self, records: Sequence[Record]) -> list[Example]:
        """The same as they are scored: where several records have one input, one example with all their references."""
        return self.examples(records)

    def answer(self, text: str) -> str:
        """The prediction in a generated text (already cut at the first stop word), as the official scorer would read it."""
        return text

    @abstractmethod
    def score(self, examples: Sequence[Example], predictions: Predictions) -> dict[str, float]:
        """Metrics over a split, in percent unless the metric's definition says otherwise."""

    def selection_score(self, examples: Sequence[Example], predictions: Predictions) -> dict[str, float]:
        """What epochs are compared by, at least `metric`; less than `score` where that is slow."""
        return self.score(examples, predictions)

    def scoring(self) -> dict[str, Any]:
        """Facts about this machine that the scores depend on, for the result; asked before anything is loaded.

        Raises:
            UserError: what the task is scored with does not work here.
        """
        return {}

    def assess(self, examples: Sequence[Example], predictions: Predictions) -> tuple[dict[str, float], Correct]:
        """`score`, and whether each example's prediction is right, where that has a meaning of its own."""
        return self.score(examples, predictions), None

    def baseline(self, train: Sequence[Example], test: Sequence[Example]) -> dict[str, float]:
        """What scores without a model, e.g. the majority class of `train`; empty where there is no such thing."""
        return {}
