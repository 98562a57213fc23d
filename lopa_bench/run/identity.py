"""What a run's number depends on, by name: two runs with the same values here are the same run, and share a directory.

Data and models are here by content, classes by the name that conf/ gives them and, where they are not lopa-bench's, by their text; no path,
file, hub id or module is. What changes a number by rounding only is not here: device and what `precision=auto` becomes on it, threads,
processes, and of `train` compile, gradient_checkpointing, shard and eval_batch_size (tests/run/test_speed.py, test_shard.py and
test_story_generation.py).

A value that stands at its class's default is left out, so that a field may be added with a default that means what was done before it, and
every digest stays. Of a field's default it follows that it is never changed: raise `PROTOCOL`, or add another field.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from lopa_bench.config import files, typed
from lopa_bench.config.class_code import fingerprint
from lopa_bench.config.fields import Kind
from lopa_bench.config.recipe import hyperparameters
from lopa_bench.config.resolve import FREEZE
from lopa_bench.config.schema import Config, Generation, Train
from lopa_bench.errors import UserError
from lopa_bench.host.files import sha256
from lopa_bench.models.files import kind_of, locate
from lopa_bench.results.directory import TRAINED, RunDirectory, place
from lopa_bench.tasks.base import Task
from lopa_bench.tasks.known import known
from lopa_bench.tasks.rows import Records

PROTOCOL = 1  # of the training and evaluation code; raised by a change that moves numbers, so that old results are not taken for new

RUN = ("seed", "selection", "precision")
ADDED = ("readout",)  # to those, with a default
TRAIN = (
    "epochs",
    "batch_size",
    "lr",
    "encoder_lr",
    "weight_decay",
    "warmup",
    "schedule",
    "max_length",
    "clip",
    "accumulate",
    "bucket",
)
GENERATION = ("decoding", "max_new_tokens", "temperature", "top_p", "num_samples", "num_beams", "length_penalty", "count_prompt",
              "select_rows", "generator")  # fmt: skip
MODEL = ("lora_targets", "label_words")  # beside its weights and, where the method reads the instance, the encoder's
TASK = ("name", "label_words", "stop_words")  # of the base class, beside all that a kind of task adds to it


def determining(config: Config, records: Records) -> dict[str, Any]:
    """The named values, as they are kept in a result."""
    model = config.model
    values = told(config, kind_of(model, locate(model.path, model.revision, config.offline)))
    start = {"init_from": start_fingerprint(config.init_from)} if config.init_from else {}
    code = {"code": found} if (found := class_code(config)) else {}
    model_values = {**_weights(config), **values["model"]}
    return {"protocol": PROTOCOL, **values, **start, **code, "model": model_values, "data": _rows(config, records)}


def class_code(config: Config) -> dict[str, str]:
    """The fingerprints of the code of a method and of a task that are not lopa-bench's."""
    return _class_code({"method": type(config.method), "task": type(config.task)})


def _class_code(classes: Mapping[str, type]) -> dict[str, str]:
    found = {group: fingerprint(cls) for group, cls in classes.items()}
    return {group: value for group, value in found.items() if value}


def told(config: Config, kind: Kind) -> dict[str, Any]:
    """Those of the values that `config` alone says, of a run with a model of this kind."""
    task = config.task.for_kind(kind)
    values = {
        **{name: getattr(config, name) for name in RUN},
        **_chosen(config, ADDED),
        "train": _chosen(config.train, _of_training(trains_encoder=config.method.trains_encoder)),
        "method": _chosen(config.method, [field.name for field in dataclasses.fields(config.method)]),
        "task": _chosen(task, _of_task(task)),
        "model": _chosen(config.model, MODEL),
    }
    return {**values, "generation": _chosen(config.generation, GENERATION)} if config.generation else values


@files.cached_by_sources
def recipe(
    scale: str, task: str, method: str, model: str | None, freeze_encoder: bool | None = None
) -> Mapping[str, Any]:
    """The determining values, as dotted keys, of a run that is given no hyperparameter, as its result keeps them.

    Args:
        freeze_encoder: what it is told of its instance encoder; None: nothing.
    """
    values = hyperparameters(scale, task, method, model, freeze_encoder=freeze_encoder)
    frozen = values.get(f"method.{FREEZE}") if freeze_encoder is None else freeze_encoder
    training = _of_training(trains_encoder=frozen is False)
    named = {*(f"train.{name}" for name in training), *(f"generation.{name}" for name in GENERATION)}
    kept = {key: value for key, value in values.items() if key in named or key.startswith(("method.", "precision"))}
    names = {"method": method, "task": task}
    classes = {group: typed.class_of(files.read(f"{group}/{name}")["_target_"], group) for group, name in names.items()}
    code = {f"code.{group}": value for group, value in _class_code(classes).items()}
    return {**as_kept(method, kept), **code, "protocol": PROTOCOL}


def of_task(task: str, kinds: Iterable[Kind]) -> Mapping[str, Any]:
    """The determining values of a task as conf/ has it, as dotted keys; of kinds that are asked otherwise, those of each as a tuple."""
    return _of_known_task(task, tuple(kinds))


@files.cached_by_sources
def _of_known_task(task: str, kinds: tuple[Kind, ...]) -> Mapping[str, Any]:
    told: list[dict[str, Any]] = []
    written = {name: str(value) for name, value in files.read(f"task/{task}").items()}
    names = [name for name in _of_task(known(task)) if not written.get(name, "${").startswith("${")]  # told by a run
    for kind in kinds:
        with contextlib.suppress(UserError):  # it cannot be put to such a model
            values = _plain(_chosen(known(task).for_kind(kind), names))
            told.append({f"task.{name}": values.get(name) for name in names})
    keys = dict.fromkeys(key for values in told for key in values)
    return {key: _either([values.get(key) for values in told]) for key in keys}


def _either(values: Sequence[Any]) -> Any:
    """The value that all of them are, else all as a tuple."""
    return values[0] if all(value == values[0] for value in values) else tuple(values)


def of_model(model: str) -> dict[str, Any]:
    """The determining values of a model of conf/model beside its weights, as `of_task` has them; none of one that is not there."""
    written = files.read(f"model/{model}") if files.is_choice("model", model) else {}
    return {f"model.{name}": written[name] or None for name in MODEL if not isinstance(written.get(name, ""), str)}


def is_method_or_task(key: str) -> bool:
    """Whether a setting is one of a method or a task, or one that makes another model of the same weights: a number depends on it."""
    section, _, name = key.partition(".")
    return section in {"method", "task"} or (section == "model" and name in MODEL)


def _of_task(task: Task) -> list[str]:
    """The fields of a task that a run's number depends on."""
    return [*TASK, *(field.name for field in dataclasses.fields(task) if field.name not in Task.__dataclass_fields__)]


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as JSON gives them back."""
    return json.loads(json.dumps(values))  # type: ignore[no-any-return]


def _of_training(*, trains_encoder: bool) -> list[str]:
    """The settings of `train` that a run's number depends on."""
    return [name for name in TRAIN if trains_encoder or name != "encoder_lr"]


def as_kept(method: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as dotted keys, as the result of a run with this method keeps them: None for a value that stands at its default."""
    defaults = _defaults_of(files.read(f"method/{method}")["_target_"])
    return {key: None if key in defaults and value == defaults[key] else value for key, value in settings.items()}


@cache
def _defaults_of(method: str) -> dict[str, Any]:
    """The defaults of a method's class and of the sections that all runs have, as dotted keys."""
    of_run = {
        field.name: _default(field) for field in dataclasses.fields(Config) if field.name in {*ADDED, "init_from"}
    }
    sections = {"method": typed.class_of(method, "method"), "train": Train, "generation": Generation}
    return of_run | {
        f"{name}.{field.name}": _default(field)
        for name, section in sections.items()
        for field in dataclasses.fields(section)
    }


def digest(values: Mapping[str, Any]) -> str:
    """Twelve hexadecimal digits over values as canonical JSON."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]


def directory(config: Config, records: Records) -> RunDirectory:
    """``<results>/<scale>/<task>/<model>/<method>/<seed>-<digest>``."""
    values = determining(config, records)
    identity = digest(values)
    return RunDirectory(_place(config, config.results_dir, identity).parent, identity, values)


def may_be_finished(config: Config) -> bool:
    """Whether there is a result of this task, model, method and seed, whatever its settings; no rows are read for that."""
    return any(config.results_dir.glob(str(_place(config, Path(), "*"))))


def _place(config: Config, below: Path, identity: str) -> Path:
    return place(
        below, config.scale, config.task.name, config.model.name, config.method.name, f"{config.seed}-{identity}"
    )


def _chosen(section: Any, names: Iterable[str]) -> dict[str, Any]:
    """The named fields of a settings object that do not stand at their default."""
    fields = {field.name: field for field in dataclasses.fields(section)}
    found = {name: getattr(section, name) for name in names}
    values = {name: value + 0.0 if isinstance(value, float) else value for name, value in found.items()}  # -0.0 is 0.0
    return {name: value for name, value in values.items() if value != _default(fields[name])}


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    default = field.default
    return default.get_default(call_default_factory=True) if isinstance(default, FieldInfo) else default


def _weights(config: Config) -> dict[str, str]:
    """The fingerprints of the pretrained weights that the run reads."""
    read = {key: locate(*named, config.offline).fingerprint() for key, named in config.pretrained.items()}
    encoder = read.get("model.encoder", config.model.encoder)
    return {"weights": read["model.path"], **({"encoder": encoder} if config.method.reads_instance else {})}


def start_fingerprint(run: str) -> str:
    """Of the trained parameters in a finished run's directory."""
    return sha256(Path(run) / TRAINED)[:16]


def _rows(config: Config, records: Records) -> dict[str, str]:
    """The fingerprints of the splits that the run reads: a validation split only where epochs are selected on it."""
    found = records.fingerprints
    return {name: value for name, value in found.items() if name != "validation" or config.selection == "holdout"}
