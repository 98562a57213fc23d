"""What a table is made of: rows, columns and the settings that they mean.

A row or column is a set of settings. The same settings select finished runs, and spell the command
that makes a missing one. What they leave open is the scale's recipe (`run.identity.recipe`): a run with other
hyperparameters stands in a cell only where there is none at the recipe's, and a note says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from lopa_bench.config import files
from lopa_bench.config.fields import Kind
from lopa_bench.config.scale import models_of
from lopa_bench.metrics.metric import Metric, look_up
from lopa_bench.tasks.known import known

SCALES = ("mini", "small", "paper")


@dataclass(frozen=True)
class Row:
    """One line of a table: a method and where it leaves its defaults.

    Attributes:
        reference: this row's ``setting`` in reference.csv; None where the paper has no such row.
        name: the method as printed, where the label says more.
    """

    label: str
    method: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    reference: str | None = None
    name: str = ""

    @property
    def series(self) -> str:
        """The name of a line through rows that differ in a setting alone."""
        return self.name or self.label


def with_encoder(row: Row, frozen: bool) -> Row:
    """The row with its instance encoder frozen or trained, whatever the scale's recipe says."""
    word = "frozen" if frozen else "trained"
    return Row(f"{row.label}, encoder {word}", row.method, {**row.settings, "method.freeze_encoder": frozen})


@dataclass(frozen=True)
class Column:
    """One column: a task, the metric shown, the model (None: the one the scale gives the task), further settings."""

    label: str
    task: str
    metric: str
    model: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shown(self) -> Metric:
        """What is known of the metric: unit, direction, statistics."""
        return look_up(known(self.task).metrics, self.metric, f"task={self.task}")


@dataclass(frozen=True)
class TableSpec:
    """A table of the paper, or one that it does not have.

    Attributes:
        reference: its name in reference.csv.
        order: where it stands among the tables of a report; those of plugins follow the study's own.
    """

    name: str
    title: str
    rows: tuple[Row, ...]
    columns: tuple[Column, ...]
    reference: str | None = None
    order: int = 1000


# What of a cell's settings may be another at a scale where there is no run as planned, with a note: one's own model, fewer rows.
PREFERRED: Mapping[str, tuple[str, ...]] = {"small": ("model", "data.train_limit")}

RUN_DEFAULTS: Mapping[str, Any] = {
    "recipe": "paper",
    "selection": "holdout",
    "scale": "mini",
    "readout": "label_words",
    "init_from": None,
}

GLUE = ("rte", "mrpc", "sst2", "qnli", "mnli", "qqp")
ABLATED = ("rte", "mrpc", "sst2")  # of GLUE, the tasks of the paper's ablations
CODE = ("mbpp", "cruxeval_i", "cruxeval_o")
TEXT = ("e2e", "webnlg")
GENERATION = (*CODE, *TEXT)
RANKS = (1, 2, 4)
LENGTHS = (5, 10, 25, 50, 100)


def default_model(scale: str, task: str) -> str:
    """The model that conf/scale/<scale>.yaml gives to a task."""
    return models_of(scale)[known(task).family]


def kind_of(model: str) -> str | None:
    """Whether a model of conf/model is masked or causal; None of one that is not there, or whose folder says it."""
    kind = files.read(f"model/{model}")["kind"] if files.is_choice("model", model) else None
    return kind if kind in get_args(Kind) else None


def default_encoder(model: str | None) -> str:
    """The instance encoder, by its name in conf/encoder, beside a model where a run names none; one's own model reads with itself."""
    if model is None or not files.is_choice("model", model):
        return "backbone"
    known = files.read(f"model/{model}")
    beside = [entry["/encoder@_here_"] for entry in known.get("defaults", [])]
    return str(beside[0] if beside else known["encoder"])


def scale_settings(scale: str, task: str) -> dict[str, Any]:
    """The scale where it is not the default, and the paper's own selection beside its numbers."""
    if scale == "paper":
        return {"scale": "paper", "selection": known(task).about.published_selection}
    return {} if scale == "mini" else {"scale": scale}
