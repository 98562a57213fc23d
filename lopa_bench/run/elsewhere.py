"""A finished run's model asked another task than its own, and the same backbone without what the run trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lopa_bench.config.compose import from_resolved, load_config
from lopa_bench.config.quoting import override
from lopa_bench.config.schema import Config
from lopa_bench.errors import UserError
from lopa_bench.host.processes import Processes, processes
from lopa_bench.methods.adapted import AdaptedModel
from lopa_bench.metrics.metric import Line
from lopa_bench.models.backbone import Backbone
from lopa_bench.run.inputs import encode, examples_of
from lopa_bench.run.model import adapt
from lopa_bench.run.predict import predict
from lopa_bench.run.preflight import preflight
from lopa_bench.run.records import read_records

# What a run on another task is told; all else is the finished run's.
TOLD = ("data.", "task.", "generation.", "train.max_length=", "train.eval_batch_size=")


@dataclass(frozen=True)
class Answers:
    """What a model said on a task's reported split: the task as it was asked, and the lines of predictions.jsonl."""

    config: Config
    lines: list[Line]


def bare(config: Config, together: Processes) -> tuple[Config, AdaptedModel]:
    """The run's backbone as it is, without the method's parameters."""
    untouched = load_config(["method=none"]).resolved["method"]
    without = from_resolved({**config.resolved, "method": untouched})
    backbone = Backbone.load(without.model, without.precision, together.device, without.offline)
    return without, adapt(without, backbone).eval()


def on_task(config: Config, task: str, overrides: Sequence[str] = ()) -> Config:
    """The run's model and method on `task`, all else as that task's own run has it, its rows from where the run's were.

    Args:
        overrides: of that task's own run (``data.dir=DIR``, ``data.limit=100``).

    Raises:
        UserError: the task cannot be put to this model, or an override is of what the finished run says.
    """
    if wrong := next((word for word in overrides if not word.lstrip("+~").startswith(TOLD)), None):
        raise UserError(
            f"{wrong}: a task's rows, words and writing can be told ({', '.join(TOLD)}); all else is the run's"
        )
    data = {"data.source": config.data.source, "data.dir": config.data.dir, "data.limit": config.data.limit}
    given = [override(key, value) for key, value in data.items() if value is not None]
    own = load_config([f"task={task}", f"scale={config.scale}", *given, *overrides]).resolved
    kept = {key: config.resolved[key] for key in ("model", "method", "precision", "seed", "offline")}
    other = from_resolved({**own, **kept})
    preflight(other)
    return other


def answer(model: AdaptedModel, config: Config) -> Answers:
    """The model's answers to the reported rows of the config's task.

    Raises:
        UserError: rows that cannot be read. NotFinite: logits that are NaN or infinite.
    """
    if model.classifier is not None:
        raise UserError("readout=classifier: it answers its own task only; nearest: a run with readout=label_words")
    examples = examples_of(config, read_records(config), model.backbone.kind)["test"]
    predictions = predict(model, encode(model, config, examples, training=False), config, processes()).texts
    return Answers(config, config.task.lines(examples, predictions))
