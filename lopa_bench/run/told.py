"""What a finished run was told: its config.yaml, held against its result. Imports no torch."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from lopa_bench.config.compose import from_resolved
from lopa_bench.config.fields import Kind
from lopa_bench.config.schema import Config
from lopa_bench.errors import UserError, in_a_line
from lopa_bench.host.files import read_bytes
from lopa_bench.results.directory import CONFIG, RESULT, load_result
from lopa_bench.results.record import Result
from lopa_bench.run import identity

KINDS: tuple[Kind, Kind] = ("masked", "causal")  # the result does not say which the model is of


def config_of(directory: Path) -> tuple[Config, Result]:
    """The config and the result of the run in `directory`.

    Raises:
        UserError: no finished run there, or a config.yaml that cannot be read, or says anything that a number follows from otherwise
            than the result, which a checksum guards; or a method or task of one's own whose code is another now.
    """
    try:
        _, result = load_result(directory)
        config = from_resolved(yaml.safe_load(read_bytes(directory / CONFIG)))
    except UserError as error:
        raise UserError(f"run={directory}: {error}") from None
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise UserError(f"run={directory}: {CONFIG} cannot be read ({in_a_line(error)})") from error
    except (KeyError, TypeError) as error:
        raise UserError(f"run={directory}: {CONFIG} is another version's ({error})") from error
    if made := _other_code(config, result):
        raise UserError(f"run={directory}: {made} has other code now than this run was made with; make the run again")
    if section := _other(config, result):
        raise UserError(
            f"run={directory}: {CONFIG} says another {section} than {RESULT}; the run's command makes it again"
        )
    return config, result


def _other_code(config: Config, result: Result) -> str | None:
    """``method=NAME`` or ``task=NAME`` of one's own that has been edited since, if there is one."""
    now, then = identity.class_code(config), result.config.get("code", {})
    changed = (f"{group}={getattr(config, group).name}" for group, code in then.items() if now.get(group) != code)
    return next(changed, None)


def _other(config: Config, result: Result) -> str | None:
    """A section of the settings in which a config is not the result's, if there is one."""
    given = {**result.config, "model": {k: v for k, v in result.config.get("model", {}).items() if k in identity.MODEL}}
    wrong: list[list[str]] = []
    for kind in KINDS:
        try:
            told = json.loads(json.dumps(identity.told(config, kind)))
        except UserError:  # a task that is not put to models of this kind
            continue
        keys = sorted({*told, *given} - {"protocol", "init_from", "data", "code"})
        wrong.append([key for key in keys if told.get(key) != given.get(key)])
    # Of the kind that the model is not of, the task differs as well.
    fewest = min(wrong, key=len, default=["task"])
    return next(iter(fewest), None)
