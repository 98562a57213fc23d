"""Typed settings: what a run, a method or a task can be told, checked before any weight is loaded."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal, TypeVar, cast

from pydantic import AfterValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass
from typing_extensions import dataclass_transform

MOST = 2**31 - 1  # what sizes of tensors and files of rows stay below


def check_path(text: str) -> str:
    """The path, if a file system can have it. Raises `ValueError` with the reason."""
    if not text:  # an unset variable of a shell's: nobody's way to say that there is none
        raise ValueError("it is empty; leave it away, or give a path")
    if "\0" in text:
        raise ValueError("there is a NUL in it")
    if (longest := max(len(os.fsencode(part)) for part in text.split("/"))) > 255 or len(os.fsencode(text)) > 4000:
        raise ValueError(f"a name of {longest} bytes is too long for a file system, which takes 255, and 4000 in all")
    if text.startswith("~") and os.path.expanduser(text) == text:
        raise ValueError(f"there is no user {text[1:].partition('/')[0]}, or none with a home")
    return text


def folder(text: object) -> Path:
    """A folder's place as a shell would give it, ``~`` spelled out. Raises `ValueError` where no file system can have it."""
    if not isinstance(text, str):
        raise ValueError("it is no path; leave it away, or give one")
    return Path(check_path(text)).expanduser()


def _check_name(text: str) -> str:
    """A name that a folder of results can have."""
    if "/" in text or text in {".", ".."}:
        raise ValueError("it names a folder of results, so it has no / in it")
    return check_path(text)


Count = Annotated[int, Field(ge=1, le=MOST)]
Size = Annotated[int, Field(ge=0, le=MOST)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
Temperature = Annotated[float, Field(ge=1e-6)]  # by a smaller one logits become infinite; its limit is greedy decoding
NonNegative = Annotated[float, Field(ge=0)]
Period = Annotated[float, Field(ge=0, allow_inf_nan=True)]  # seconds; inf is never
Penalty = Annotated[float, Field(ge=-30, le=30)]  # an exponent of a text's length
SHORTEST = 4  # tokens of a row: a begin, an end, what is asked for, and at least one to be read
Length = Annotated[int, Field(ge=SHORTEST, le=MOST)]
Folder = Annotated[str, AfterValidator(check_path)]
FolderAtHome = Annotated[Folder, AfterValidator(os.path.expanduser)]  # a shell leaves the ~ of key=~/place as it is
Name = Annotated[str, AfterValidator(_check_name)]

SplitName = Literal["train", "validation", "test"]  # of a task's rows
Kind = Literal["masked", "causal"]  # of a language model

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(Field,))
def settings(cls: type[T]) -> type[T]:
    """A frozen dataclass whose fields are checked when it is made; unknown keys, wrong types, inf and nan are errors.

    Raises (on instantiation): ``pydantic.ValidationError``, which ``config`` turns into one line.
    """
    config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
    return cast("type[T]", dataclass(frozen=True, kw_only=True, config=config)(cls))
