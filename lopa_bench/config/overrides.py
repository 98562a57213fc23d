"""Checks command-line overrides against conf/ before Hydra sees them, so that a mistyped key is answered with the right one."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, IntervalSweep, Override
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from lopa_bench.config.compose import compose_config, keys_of, load_config, told
from lopa_bench.config.files import choices, default_choice, groups, own_folder, read, searching
from lopa_bench.config.launchers import check_launcher
from lopa_bench.config.nearest import hint, likeness, not_one_of
from lopa_bench.config.schema import Config
from lopa_bench.errors import UserError

NAMES = {"task.name", "method.name"}  # what results are found by
MOST_JOBS = 100_000  # values of one key: a range is written out before its first job starts
MOST_CHECKED_JOBS = 32  # of a sweep, before it starts; every job checks itself again


def check(overrides: Sequence[str], multirun: bool) -> Iterator[Config]:
    """The config of each job that the overrides ask for; of a long sweep's first ones, and of some with the last value of each override.

    Raises:
        UserError: for the first override that is wrong: an unknown key, choice, type or range.
    """
    parsed = check_keys(overrides, multirun)
    _check_sweeps(parsed)
    jobs = itertools.chain(itertools.islice(_jobs(parsed), MOST_CHECKED_JOBS), _ends(parsed))
    for job in jobs:
        if multirun:
            _check_job(job)
        yield load_config(job)


def _check_sweeps(parsed: Sequence[Override]) -> None:
    """Raise `UserError` for several values of a key that is given twice: the last one counts, and they would be lost without a word."""
    given = Counter(override.key_or_group for override in parsed)
    for override in parsed:
        if override.is_sweep_override() and given[override.key_or_group] > 1:
            raise UserError(
                f"{override.input_line}: {override.key_or_group} is given twice; give it once, with all its values"
            )


def _check_job(job: Sequence[str]) -> None:
    """Raise `UserError` for a key of a sweep that one of its choices has not."""
    try:
        check_keys(job)
    except UserError as error:
        raise UserError(f"{error}; what a sweep is told all its jobs are told, so sweep them apart") from None


def check_keys(overrides: Sequence[str], multirun: bool = False) -> list[Override]:
    """Raise `UserError` for the first override that is none, or whose key or choice there is not; else all of them, parsed."""
    with searching(own_folder(overrides)):
        parsed = check_hydra(overrides)
        for override in parsed:
            _check_form(override)
            if override.is_sweep_override() and not multirun:
                raise UserError(f"{override.input_line}: several values are a sweep; put -m before them")
            if override.is_interval_sweep() and not searches(overrides):
                raise UserError(
                    f"{override.input_line}: an interval is for a search; add hydra/sweeper=optuna, or give values"
                )
            if override.key_or_group in groups():
                _check_choice(override)
            check_launcher(override)
        known = _known_keys(parsed)
        for override in parsed:
            key = override.key_or_group
            below = sorted(name for name in known if name.startswith(f"{key}."))
            if override.is_delete() and "." not in key and below and key not in groups():
                raise UserError(f"~{key}: a run reads the keys of {key}; leave them as they are, or give them values")
            if key in groups() or key.startswith("hydra") or (override.is_delete() and key in known - NAMES):
                continue
            if key in NAMES:
                group = key.partition(".")[0]
                raise UserError(
                    f"{key}={_shown(override)}: a {group} has its file's name, by which its results are found; "
                    f"conf.path=DIR names a folder with a {group}/NAME.yaml of yours"
                )
            if override.is_add() and key in known:
                raise UserError(f"{override.input_line}: {key} is there already; nearest: {key}={_shown(override)}")
            if key not in known:
                raise UserError(f"{key}={_shown(override)}: there is no key {key}{_instead(key, known, parsed)}")
            if below and not isinstance(override.value(), dict):
                raise UserError(f"{key}={_shown(override)}: {key} holds keys and is no value; such as {below[0]}=…")
        return parsed


def _check_form(override: Override) -> None:
    """Raise `UserError` for a word without a key, with a package, or whose values are none."""
    line = override.input_line
    if not override.key_or_group:
        raise UserError(f"{line!r} is not an override of the form key=value")
    if override.package is not None:
        raise UserError(f"{line}: a choice has its own place; nearest: {override.key_or_group}={_shown(override)}")
    try:
        values = [] if override.is_delete() else _values(override)
    except OmegaConfBaseException as error:
        raise UserError(f"{line}: no list of values; a range is one by itself") from error
    except ValueError as error:
        raise UserError(f"{line}: {error}") from error
    if not values and not override.is_delete():
        raise UserError(
            f"{line}: that is no value at all; a range ends before its last number, and a glob() is of choices"
        )


def check_hydra(overrides: Sequence[str]) -> list[Override]:
    """The overrides, parsed. Hydra makes whatever class its own section names.

    Raises:
        UserError: an override that names one there, or is none.
    """
    parsed = _parse(overrides)
    for override in parsed:
        line = override.input_line or ""
        if override.key_or_group.startswith("hydra") and ("_target_" in line or "hydra.callbacks" in line):
            raise UserError(
                f"{line}: Hydra's classes are its own; hydra/launcher=… and hydra/sweeper=… choose among them"
            )
    return parsed


def searches(overrides: Sequence[str]) -> bool:
    """Whether a sweeper that draws values is asked for; Hydra's own goes through them all."""
    return any(text.startswith("hydra/sweeper=") and text != "hydra/sweeper=basic" for text in overrides)


def hydra_words(overrides: Sequence[str]) -> list[str]:
    """Those for Hydra itself: launcher, sweeper and their settings."""
    return [text for text in overrides if _parse([text])[0].key_or_group.startswith("hydra")]


def _instead(key: str, known: set[str], parsed: Sequence[Override]) -> str:
    """What to write in place of a key that there is not: another choice of its group that has it, or another key."""
    group, _, name = key.partition(".")
    chosen = {o.key_or_group: _values(o)[0] for o in parsed}.get(group) or default_choice(group)
    having = [choice for choice in choices(group) if name in read(f"{group}/{choice}")] if chosen else []
    if chosen and having:
        return f" with {group}={chosen}; nearest: {group}={max(having, key=lambda choice: likeness(chosen, choice))}"
    if key in {"config_dir", "config_path", "config_name"}:
        return "; conf.path=DIR names a folder of YAML of yours"
    if key == "device":
        return (
            "; a run takes the GPU where there is one, CUDA_VISIBLE_DEVICES in the environment says which (empty: none)"
        )
    values = [name for name in known if not any(other.startswith(f"{name}.") for other in known)]
    return hint(key, sorted(values)) or "; lopa-bench --cfg job lists the keys"


def jobs(overrides: Sequence[str]) -> list[list[str]]:
    """The override lists of a sweep's jobs, in Hydra's order. Of an interval that a search draws from, its start.

    Raises:
        UserError: what Hydra's own section does not take, before the first job.
    """
    compose_config(hydra_words(overrides), hydra=True)  # others may be keys of a choice that is swept over
    parsed = {o.key_or_group: o for o in _parse(overrides)}  # a later one replaces
    return list(_jobs(list(parsed.values())))


def _parse(overrides: Sequence[str]) -> list[Override]:
    parser = OverridesParser.create()
    parsed = []
    for text in overrides:
        try:
            parsed += parser.parse_overrides([text])
        except HydraException as error:
            raise UserError(f"{text!r} is not an override of the form key=value{_as_choice(text)}") from error
    return parsed


def _as_choice(text: str) -> str:
    """For a word without a key, the choice that it may be meant as."""
    groups_of = (group for group in groups() if text in choices(group))
    return next((f"; nearest: {group}={text}" for group in groups_of), "")


def _values(override: Override) -> list[str]:
    value = override.value()
    if isinstance(value, IntervalSweep):
        return [str(value.start)]
    if isinstance(value, Glob):
        return value.filter(choices(override.key_or_group)) if override.key_or_group in groups() else []
    if override.is_sweep_override():
        values = [str(value) for value in itertools.islice(override.sweep_string_iterator(), MOST_JOBS + 1)]
        if len(values) > MOST_JOBS:
            raise UserError(f"{override.input_line}: more than {MOST_JOBS:,} values; a sweep has fewer")
        return values
    return [_shown(override)]


def _shown(override: Override) -> str:
    return override.get_value_element_as_str()


def _check_choice(override: Override) -> None:
    group = override.key_or_group
    none = ["null"] if default_choice(group) is None else []
    for value in _values(override):
        if value not in [*choices(group), *none]:
            raise UserError(not_one_of(group, value, choices(group)))


def _known_keys(parsed: list[Override]) -> set[str]:
    """Every key that exists under some combination of the chosen groups."""
    chosen = [o for o in parsed if o.key_or_group in groups() and not o.is_delete()]
    combinations = itertools.product(*([f"{o.key_or_group}={v}" for v in _values(o)] for o in chosen))
    keys: set[str] = set()
    for combination in itertools.islice(combinations, MOST_CHECKED_JOBS):
        keys.update(keys_of(combination))
    return {key for key in keys if not key.startswith(("scale.", "recipe."))} | {"scale", "recipe"}


def _ends(parsed: list[Override]) -> Iterator[list[str]]:
    """Of a sweep that is too long to be checked whole: for each override that has several values a job with each of the last ones."""
    words = _words(parsed)
    if math.prod(map(len, words)) <= MOST_CHECKED_JOBS:
        return
    firsts = [own[0] for own in words]
    for place, own in enumerate(words):
        for word in own[1:][-MOST_CHECKED_JOBS // 2 :]:
            yield told([*firsts[:place], word, *firsts[place + 1 :]])


def _jobs(parsed: list[Override]) -> Iterator[list[str]]:
    """The override lists of a sweep's jobs (one job without a sweep)."""
    yield from (told(job) for job in itertools.product(*_words(parsed)))


def _words(parsed: list[Override]) -> list[list[str]]:
    """What each override says in a job, one word for each of its values; Hydra's own settings left out."""
    own = [o for o in parsed if not o.key_or_group.startswith("hydra") and o.input_line is not None]
    return [
        [f"{o.key_or_group}={value}" for value in _values(o)] if o.is_sweep_override() else [str(o.input_line)]
        for o in own
    ]
