"""What every task is: records into strings, strings into scores. Imports no torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from lopa_bench.config.fields import Count, Kind, Name, SplitName, settings
from lopa_bench.config.typed import fill
from lopa_bench.errors import UserError
from lopa_bench.metrics.metric import Line, Metric, Scores, score
from lopa_bench.tasks.example import Example

Record = Mapping[str, Any]
Predictions = Sequence[Sequence[str]]  # per example, its n predicted strings (one, but for sampled programs)


@settings
class HubSource:
    """A data set on the hub and the names of its splits there, or slices of them ("test[:400]"). `validation` may be absent."""

    path: str
    name: str | None = None
    train: str
    test: str
    validation: str | None = None


@settings
class Size:
    """Rows of the whole train split and of the reported one; mean tokens of an input and of a completion."""

    train: Count
    test: Count
    input: Count
    completion: Count


def _read_as(cls: type, key: str) -> BeforeValidator:
    """What makes the section `key` of YAML an object of `cls`."""
    return BeforeValidator(lambda value: fill(cls, value, key) if isinstance(value, dict) else value)


@settings
class About:
    """Facts that plans, estimates and tables need and no number depends on; they are no part of a run's identity.

    Attributes:
        label: the task's name as it is shown; None shows `name`.
        seeds: how many a table wants.
        fast_rows: rows per split of a run that only looks whether all is well.
        size: as published; None where it is not known, and then no hours are estimated.
        classes: labels in the order of their numbers elsewhere.
        published_selection: how the paper chose the epoch that it reports: the best on the reported split, or the last.
    """

    label: str | None = None
    seeds: Count = 3
    fast_rows: Count = 100
    size: Annotated[Size | None, _read_as(Size, "task.about.size")] = None
    classes: list[str] = Field(default_factory=list)
    published_selection: Literal["paper", "last"] = "last"


@settings
class Task(ABC):
    """A data set, how it is put into words, and how it is scored.

    Attributes:
        family: which of a scale's recipes and models it takes.
        files: split -> candidate paths below ``data.dir``; the first that exists is read. The split `test` is the one reported. A file
            that holds several splits takes a slice of its rows, as in ``"cruxeval.jsonl[:400]"``.
        columns: field -> candidate column names in those files; records reach `examples` under the field names.
        header: whether .tsv and .csv files begin with the names of their columns; without, these are called "0", "1", … by position.
        label_words: label -> the word that stands for it (its leading space matters to byte-level tokenizers); empty for generation.
        stop_words: generated text ends before the first of these.
    """

    section: ClassVar[str] = "task"  # of a config: what it is made of must be derived from this class
    name: Name
    family: str
    files: dict[SplitName, list[str]]
    hub: Annotated[HubSource | None, _read_as(HubSource, "task.hub")]
    columns: dict[str, Annotated[list[str], Field(min_length=1)]]
    header: bool = True
    label_words: dict[str, str] = Field(default_factory=dict)
    stop_words: list[Annotated[str, Field(min_length=1)]] = Field(default_factory=list)
    about: Annotated[About, _read_as(About, "task.about")] = Field(default_factory=About)

    kind: ClassVar[Literal["classification", "programs", "text"]]
    words_key: ClassVar[str] = "task.label_words"  # where a user says what `label_words` are

    @property
    def title(self) -> str:
        """The name as tables show it."""
        return self.about.label or self.name

    @property
    def is_own(self) -> bool:
        """Whether it has rows only where a user names their files (``data.train=FILE``)."""
        return not self.files and self.hub is None

    @property
    def answer_fields(self) -> Sequence[str]:
        """The fields that only the answer is made of: what is new and to be predicted has none of them."""
        return ()

    def question(self, record: Record) -> str:
        """What the model reads of a record, whose answer fields may be absent.

        Raises:
            UserError: the task says how its examples are made only as a whole.
        """
        raise UserError(f"task={self.name}: new inputs cannot be put into words; its class has no question(record)")

    def unread(self) -> Mapping[str, str]:
        """The fields whose values nothing reads as the others are, each with what would read it."""
        return {}

    def input_of(self, record: Record) -> str | None:
        """What a record's input is, where several records may have one (held out together); None: each has its own."""
        return None

    @property
    @abstractmethod
    def metrics(self) -> Mapping[str, Metric]:
        """Everything that it may be scored by, by name."""

    def fault(self, record: Record) -> str | None:
        """What a record has that no example can be made of, such as "no text in prompt"; None where it is whole."""
        wrong = next((field for field, value in record.items() if not isinstance(value, str)), None)
        return None if wrong is None else f"no text in {wrong}"

    def left_out(self, record: Record) -> str | None:
        """What a whole record has that the benchmark's own pipeline leaves it out for; None where it does not."""
        return None

    @property
    @abstractmethod
    def metric(self) -> str:
        """The name of the one that epochs are selected by and tables show."""

    def for_kind(self, kind: Kind) -> Task:
        """The task in the words in which a model of this kind is asked.

        Raises:
            UserError: it cannot be put to such a model.
        """
        return self

    @abstractmethod
    def examples(self, records: Sequence[Record]) -> list[Example]:
        """Put records (under their field names) into words, as they are trained on."""

    def evaluation_examples(self, records: Sequence[Record]) -> list[Example]:
        """The same as they are scored: where several records have one input, one example with all their references."""
        return self.examples(records)

    def remarks(self, train: Sequence[Example], test: Sequence[Example]) -> list[str]:
        """What of these rows (of those trained on: none where nothing is trained) makes a score say nothing, one line each."""
        return []

    def answer(self, text: str) -> str:
        """The prediction in a generated text (already cut at the first stop word), as the official scorer would read it."""
        return text

    def lines(self, examples: Sequence[Example], predictions: Predictions) -> list[Line]:
        """The lines of predictions.jsonl: what was read, said and wanted and, where that has a meaning of its own, whether it is right.

        What is right: a verdict, or of several samples one each, None for a sample that does not count.
        """
        lines: list[Line] = []
        for index, (example, texts) in enumerate(zip(examples, predictions, strict=True)):
            line: dict[str, Any] = {
                "index": index,
                "input": example.input,
                "prediction": texts[0] if len(texts) == 1 else list(texts),
                "target": example.target,
            }
            if references := example.record.get("references"):
                line["references"] = references
            lines.append(line)
        return lines

    def assess(self, examples: Sequence[Example], predictions: Predictions) -> tuple[Scores, list[Line]]:
        """Metrics over a split, each in its unit, and the lines that they are of."""
        lines = self.lines(examples, predictions)
        return self.score_lines(lines), lines

    def score_lines(self, lines: Sequence[Line]) -> Scores:
        """Every metric that such lines give."""
        return score(self.metrics, lines)

    def score(self, examples: Sequence[Example], predictions: Predictions) -> Scores:
        """The metrics alone."""
        return self.assess(examples, predictions)[0]

    def selection_score(self, examples: Sequence[Example], predictions: Predictions) -> Scores:
        """What epochs are compared by, at least `metric`; less than `score` where that is slow."""
        return self.score(examples, predictions)

    def scoring(self) -> dict[str, Any]:
        """Facts about this machine that the scores depend on, for the result; asked before anything is loaded.

        Raises:
            UserError: what the task is scored with does not work here.
        """
        return {}

    def baseline(self, train: Sequence[Example], test: Sequence[Example]) -> Scores:
        """What scores without a model, e.g. the majority class of `train`; empty where there is no such thing."""
        return {}
