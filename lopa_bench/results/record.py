"""What a finished run says of itself: the type of ``result.json``. It is made once, by `run`, and read everywhere else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lopa_bench.config.keys import lookup
from lopa_bench.host import checksum

SECTIONS = ("code", "data", "generation", "method", "model", "task", "train")  # of a result's config, where it has them
SCHEMA: Final = 2  # of result.json; raised when a field is taken away or means something else


class Facts(BaseModel):
    """Values that are never changed. Fields that a later version adds to a file are passed over."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, ser_json_inf_nan="constants")


class Data(Facts):
    """What was read: where from, and of each split the file (without its folder), rows and fingerprint.

    Attributes:
        left_out: rows of a split's file that gave no example. truncated: rows that are longer than what backbone or encoder read of them.
    """

    source: str
    limit: int | None = None
    train_limit: int | None = None
    files: dict[str, str] = Field(default_factory=dict)
    rows: dict[str, int] = Field(default_factory=dict)
    left_out: dict[str, int] = Field(default_factory=dict)
    truncated: dict[str, int] = Field(default_factory=dict)
    fingerprints: dict[str, str] = Field(default_factory=dict)


class Parameters(Facts):
    """Counts: `paper` leaves out an instance encoder's, as the paper counts; `trained` got a gradient; `total` is the backbone's.

    `readout` is a trained classifier's, in neither the paper's nor IDPG's counts.
    """

    paper: int
    trained: int
    total: int
    readout: int = 0


class Seconds(Facts):
    """Wall-clock time: of the training, in which the selection split is scored after every epoch, and of the whole run."""

    train: float
    total: float


class Scoring(Facts):
    """What the scores depend on beside the run: the sandbox's level, and which metrics are missing on this machine and why."""

    sandbox: str | None = None
    missing: dict[str, str] = Field(default_factory=dict)


class Baseline(Facts):
    """Scores without a model: of the training split's majority class, where there is such a thing."""

    majority: dict[str, float] = Field(default_factory=dict)


class GradientNorm(Facts):
    """Norms at the first and the last logged step; None where nothing was trained."""

    first: float | None = None
    last: float | None = None


class Instance(Facts):
    """What a prompt written for each instance is worth, in the headline metric on the first `rows` rows of the reported split.

    `own` is the score with each row's own prompt, `exchanged` with another row's, `mean` with the mean prompt, `off` with the method's
    task part alone. `variance` is the share of the variance of Z's values that is between instances, 0 to 1.
    """

    rows: int
    own: float
    exchanged: float
    mean: float
    off: float
    variance: float


class Git(Facts):
    """The checkout that the package ran from; None outside of one, and where git did not answer."""

    commit: str | None = None
    modified: bool | None = None


class File(Facts):
    """A file beside ``result.json`` as it was written."""

    bytes: int
    sha256: str


class Result(Facts):
    """One finished run.

    Attributes:
        config: the values that determine the number, `digest` of them (run/identity.py).
        encoder: what the instance is read with; None for a method that reads none.
        metric: the name of the metric that selects epochs and stands in tables; metrics: all, on the reported split, each in its unit.
        unended: texts of the reported split that went on until their tokens were spent; None where none are written, and in older results.
        remarks: what of the rows makes a score say nothing, one line each.
        instance: what the prompt of a method that reads the instance owes to it; None where that was not asked.
        search: what the method's search has found, by the method's names; empty where it makes none.
        computed_in: what the config's precision was on this machine, which an `auto` does not say; None in older results.
        selected_epoch: the epoch whose parameters were kept. steps: optimiser steps done. Those of a search are counted with the others.
        finished: when, in UTC (ISO 8601). files: what was written beside it.
    """

    schema_version: Literal[2] = Field(default=2, alias="schema")
    digest: str
    scale: str
    task: str
    family: str
    model: str
    encoder: str | None = None
    method: str
    seed: int
    recipe: str
    selection: str
    reported_split: str
    metric: str
    config: dict[str, Any]
    data: Data
    metrics: dict[str, float]
    metrics_per_split: dict[str, dict[str, float]]
    scoring: Scoring = Field(default_factory=Scoring)
    baseline: Baseline = Field(default_factory=Baseline)
    parameters: Parameters
    gradient_norm: GradientNorm = Field(default_factory=GradientNorm)
    unended: int | None = None
    remarks: list[str] = Field(default_factory=list)
    instance: Instance | None = None
    search: dict[str, list[int | float]] = Field(default_factory=dict)
    selected_epoch: int
    steps: int
    seconds: Seconds
    examples_per_second: float | None = None
    peak_memory_mib: int
    device: str
    computed_in: Literal["fp32", "bf16"] | None = None
    processes: int
    threads: int
    finished: str | None = None
    versions: dict[str, str] = Field(default_factory=dict)
    git: Git = Field(default_factory=Git)
    files: dict[str, File] = Field(default_factory=dict)

    @property
    def score(self) -> float:
        """The headline metric on the reported split."""
        return self.metrics[self.metric]

    @property
    def selection_score(self) -> float:
        """The headline metric on the split that selects, else on the reported one."""
        return self.metrics_per_split.get("validation", self.metrics_per_split[self.reported_split])[self.metric]

    @property
    def precision(self) -> str | None:
        """What it was computed in, as far as that is known: an ``auto`` of older results does not say it."""
        told = self.config.get("precision")
        return self.computed_in or (told if told != "auto" else None)

    def setting(self, key: str) -> Any:
        """The determining value under a dotted key; None where the run has none."""
        return lookup(self.config, key)

    def with_files(self, contents: Mapping[str, bytes]) -> Result:
        """The same beside files with these contents."""
        files = {name: File(bytes=len(text), sha256=sha256(text).hexdigest()) for name, text in contents.items()}
        return self.model_copy(update={"files": files})

    def to_json(self) -> str:
        """The text of ``result.json``, with a checksum of the rest of it."""
        values = json.loads(self.model_dump_json(by_alias=True))
        return json.dumps(checksum.sealed(values), indent=1, ensure_ascii=False) + "\n"


class NotAResult(ValueError):
    """Says in a few words why a text is no result."""


class OtherSchema(NotAResult):
    """A result that another version wrote."""

    def __init__(self, schema: Any) -> None:
        super().__init__(f"schema {schema}, this version reads {SCHEMA}")
        self.schema = schema


def parse(content: bytes) -> Result:
    """The result in the bytes of a ``result.json``.

    Raises:
        OtherSchema: it is a result of another schema version.
        NotAResult: it is none, no whole one, or another than the run wrote.
    """
    try:
        result = Result.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if first["type"] == "json_invalid":
            raise NotAResult(f"not readable as JSON ({first['ctx']['error']})") from None
        raise _refusal(content, first) from None
    if result.metric not in result.metrics:
        raise NotAResult(f"not a whole result (metrics: no {result.metric})")
    for split in (result.reported_split, *(result.metrics_per_split.keys() & {"validation"})):
        if result.metric not in result.metrics_per_split.get(split, {}):
            raise NotAResult(f"not a whole result (metrics_per_split.{split}: no {result.metric})")
    for section in SECTIONS:
        if not isinstance(result.config.get(section, {}), dict):
            raise NotAResult(f"not a whole result (config.{section}: holds keys and is no value)")
    if unaltered(content) is False:
        raise NotAResult("altered after it was written; put back the file that the run wrote, or run again")
    return result


def _refusal(content: bytes, first: Any) -> NotAResult:
    """Why JSON is no result; `first` is what pydantic says first."""
    found = json.loads(content)
    if not isinstance(found, dict) or "schema" not in found:
        return NotAResult("not a result of lopa-bench (no schema)")
    if found["schema"] != SCHEMA:
        return OtherSchema(found["schema"])
    key = ".".join(map(str, first["loc"]))
    return NotAResult(f"not a whole result ({key}: {first['msg'][0].lower()}{first['msg'][1:]})")


def unaltered(content: bytes) -> bool | None:
    """Whether the bytes of a ``result.json`` are the values that were written; None where it has no checksum to tell by."""
    return checksum.unaltered(json.loads(content))
