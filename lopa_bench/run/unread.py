"""Settings that a run does not read: given a value of their own, they would seem to have made its number. Imports no torch."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lopa_bench.config import files
from lopa_bench.config.nearest import hint
from lopa_bench.config.places import folder_name
from lopa_bench.config.recipe import hyperparameters
from lopa_bench.config.resolve import FREEZE, label_words
from lopa_bench.config.schema import Config
from lopa_bench.config.typed import class_of
from lopa_bench.errors import UserError

READ_WITH = {"temperature": "sample", "top_p": "sample", "num_beams": "beam", "length_penalty": "beam"}  # decoding


def check_read(config: Config) -> None:
    """Raise `UserError` for the first setting with another value than its recipe's that nothing of this run reads."""
    _check_names(config)
    _check_places(config)
    _check_task(config)
    _check_label_words(config)
    usual = _usual(config)
    for key, value, way_out in _unread(config):
        if value != usual.get(key, value):
            raise UserError(f"{key}={value}: {way_out}")


def _check_places(config: Config) -> None:
    """Raise `UserError` for a folder that no rows come from, and for a revision of a model that has none."""
    data, model = config.data, config.model
    if data.dir is not None and data.source != "files" and not data.own:
        raise UserError(f"data.dir={data.dir}: data.source={data.source} reads no folder; nearest: data.source=files")
    named = _revisions(
        "model", model.name
    )  # a folder below models.dir that stands for a model of the hub keeps its revision
    encoder = _revisions("encoder", folder_name(model.encoder))
    revisions = {"revision": model.path, "encoder_revision": model.encoder}
    for key, path in revisions.items():
        revision = getattr(model, key)
        if revision in (None, named.get(key), encoder.get(key)):
            continue
        if path == "backbone" and config.method.reads_instance:
            raise UserError(
                f"model.{key}={revision}: the instance is read by the backbone; nearest: model.revision={revision}"
            )
        if path.startswith("mini:") or Path(path).is_dir():
            raise UserError(f"model.{key}={revision}: {path} is a folder, which has no revisions; leave it away")


def _revisions(group: str, name: str) -> Mapping[str, Any]:
    """What the file of a model's name says, if there is one."""
    return files.read(f"{group}/{name}") if files.is_choice(group, name) else {}


def _check_names(config: Config) -> None:
    """Raise `UserError` for a method or task with the name of another, under which its results would be found."""
    for group, made in (("method", config.method), ("task", config.task)):
        if files.is_choice(group, made.name) and not isinstance(
            made, class_of(files.read(f"{group}/{made.name}")["_target_"], group)
        ):
            raise UserError(
                f"{group}.name={made.name}: that is the name of another {group}; in a YAML file of yours it is the file's own"
            )


def _check_task(config: Config) -> None:
    """Raise `UserError` for a value of the task's, other than its file's, that the task does not read."""
    task = config.task
    usual = files.read(f"task/{task.name}") if files.is_choice("task", task.name) else {}
    for name, told in task.unread().items():
        if (value := getattr(task, name)) != usual.get(name):
            raise UserError(f"task.{name}={value}: {told}")


def _check_label_words(config: Config) -> None:
    """Raise `UserError` for a model's word in the place of a label word that no task has; a sweep tells all its tasks the same."""
    task, model = config.task, config.model
    named = files.read(f"model/{model.name}").get("label_words") if files.is_choice("model", model.name) else {}
    others = (label_words(files.read(f"task/{name}")) for name in files.choices("task"))
    there = {*(named or {}), *task.label_words.values(), *itertools.chain.from_iterable(others)}
    for word in model.label_words:
        if word not in there:
            has = f"is no label word of task={task.name} or another{hint(word, task.label_words.values())}"
            raise UserError(f"model.label_words={model.label_words}: {word!r} {has}")


def _unread(config: Config) -> Iterator[tuple[str, object, str]]:
    """Each setting that the run does not read: key, value, what would read it."""
    if (rate := config.train.encoder_lr) is not None and not config.method.trains_encoder:
        nearest = f"method.{FREEZE}=false" if _frozen(config) else "leave it away"
        yield (
            "train.encoder_lr",
            rate,
            f"this run of method={config.method.name} trains no instance encoder; nearest: {nearest}",
        )
    if (evaluations := config.train.evaluations) > 1 and not (config.train.epochs and config.selection != "last"):
        none = "selection=last scores no epoch; nearest: selection=holdout"
        yield "train.evaluations", evaluations, none if config.train.epochs else "a run without epochs has no curve"
    for key, told in config.method.unread(config).items():
        section, _, name = key.partition(".")
        yield key, getattr(getattr(config, section), name), told
    if config.generation is None:
        return
    answers_again = config.method.reads_instance and config.instance_rows is None  # as many rows
    if config.selection != "holdout" and not answers_again:
        told = f"selection={config.selection} does not read it; nearest: selection=holdout"
        yield "generation.select_rows", config.generation.select_rows, told
    for name, decoding in READ_WITH.items():
        if config.generation.decoding != decoding:
            told = f"generation.decoding={config.generation.decoding} does not read it; nearest: generation.decoding={decoding}"
            yield f"generation.{name}", getattr(config.generation, name), told


def _usual(config: Config) -> Mapping[str, object]:
    """What the recipe gives such a run, as dotted keys; nothing for a task or a method that conf/ does not have."""
    if not (files.is_choice("task", config.task.name) and files.is_choice("method", config.method.name)):
        return {}
    named = config.scale, config.task.name, config.method.name, config.model.name, config.recipe
    return hyperparameters(*named, _frozen(config))


def _frozen(config: Config) -> bool | None:
    """Whether the instance encoder is frozen; None of a method that has no such setting."""
    frozen: bool | None = config.resolved["method"].get(FREEZE)
    return frozen
