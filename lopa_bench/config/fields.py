"""Typed settings: what a run, a method or a task can be told, checked before any weight is loaded."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar, cast

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from typing_extensions import dataclass_transform

Count = Annotated[int, Field(ge=1)]
Size = Annotated[int, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]

Split = Literal["train", "validation", "test"]  # of a task's rows
Kind = Literal["masked", "causal"]  # of a language model

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(Field,))
def settings(cls: type[T]) -> type[T]:
    """A frozen dataclass whose fields are checked when it is made; unknown keys and wrong types are errors.

    Raises (on instantiation): ``pydantic.ValidationError``, which ``config`` turns into one line.
    """
    config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
    return cast("type[T]", dataclass(frozen=True, kw_only=True, config=config)(cls))
