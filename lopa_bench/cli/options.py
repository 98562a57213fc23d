"""How a subcommand declares its options: the fields of a frozen dataclass, each made by `option`."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

RUNS = Path("runs")  # where runs are, as in conf/config.yaml


@dataclasses.dataclass(frozen=True)
class Details:
    """What an option is, beside its type and its default.

    Attributes:
        shown: its value's place in the help. name: as typed, where that is no Python name (``data.dir``). short: one letter.
        bare: its value may stand without its name, in the order of the fields. choices: the valid values, where they are known
            late. split: whether commas part the values of a tuple. overrides: whether it takes those of a run.
    """

    help: str
    shown: str = "VALUE"
    name: str = ""
    short: str = ""
    bare: bool = False
    choices: Callable[[], Sequence[str]] | None = None
    at_least: float | None = None
    above: float | None = None
    split: bool = True
    overrides: bool = False


def option(
    help: str,
    default: Any = dataclasses.MISSING,
    *,
    shown: str = "VALUE",
    name: str = "",
    short: str = "",
    bare: bool = False,
    choices: Callable[[], Sequence[str]] | None = None,
    at_least: float | None = None,
    above: float | None = None,
    split: bool = True,
) -> Any:
    """A field of a subcommand's options, with its `Details`; it is needed where there is no default."""
    details = Details(help, shown, name, short, bare, choices, at_least, above, split)
    return dataclasses.field(default=default, metadata={"details": details})


def overrides(help: str = "as of a run: scale=, task=, method= …") -> Any:
    """A field that takes the overrides of a run: each ``key=value`` that is no option of the subcommand itself."""
    return dataclasses.field(default=(), metadata={"details": Details(help, split=False, overrides=True)})


def models_dir() -> Any:
    """The field ``models.dir`` of a subcommand that answers with a finished run's model."""
    return option(
        "a folder of model folders, where the run's are not where they were", None, name="models.dir", shown="DIR"
    )


def trust_remote_code() -> Any:
    """The field ``model.trust_remote_code`` of such a subcommand; the run's own config.yaml may be a stranger's."""
    return option("run the code that a model brings", False, name="model.trust_remote_code")


@dataclasses.dataclass(frozen=True)
class Choice:
    """A subcommand whose first word chooses its options: ``lopa-bench score e2e …``."""

    name: str
    options: Mapping[str, type]
    default: str = ""


@dataclasses.dataclass(frozen=True)
class Option:
    """A field of an options class, read for the parser and the help."""

    field: str
    kind: type
    many: bool
    allowed: tuple[str, ...] | None
    needed: bool
    default: Any
    details: Details

    @property
    def name(self) -> str:
        return self.details.name or self.field

    @property
    def takes_overrides(self) -> bool:
        return self.details.overrides

    @property
    def choices(self) -> Sequence[str] | None:
        late = self.details.choices
        return late() if late else self.allowed

    @property
    def spelling(self) -> str:
        """``name=VALUE``, as the help and the errors write it."""
        if self.kind is bool:
            return f"{self.name}={'false' if self.default is True else 'true'}"
        return f"{self.name}={'|'.join(self.allowed) if self.allowed else self.details.shown}"


def options_of(kind: type) -> list[Option]:
    """The options that a dataclass declares."""
    hints = typing.get_type_hints(kind)
    return [_option(field, hints[field.name]) for field in dataclasses.fields(kind)]


def _option(field: dataclasses.Field[Any], hint: Any) -> Option:
    many, allowed = False, None
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    if typing.get_origin(hint) is tuple:
        many, hint = True, typing.get_args(hint)[0]
    if typing.get_origin(hint) is typing.Literal:
        allowed, hint = typing.get_args(hint), str
    needed = field.default is dataclasses.MISSING
    return Option(field.name, hint, many, allowed, needed, field.default, field.metadata["details"])


def takes_overrides(declared: type | Choice) -> bool:
    """Whether a subcommand takes a run's overrides."""
    return not isinstance(declared, Choice) and any(one.takes_overrides for one in options_of(declared))
