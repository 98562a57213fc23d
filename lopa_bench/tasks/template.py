"""The templates of conf/task, in the form of ``str.format``: what their braces may hold."""

from __future__ import annotations

from collections.abc import Collection
from string import Formatter

from lopa_bench.errors import in_a_line


def check_template(key: str, template: str, columns: Collection[str], answers: Collection[str] = ()) -> list[str]:
    """The columns that a template reads.

    Args:
        answers: those of `columns` that hold the answer.

    Raises:
        ValueError: braces that hold anything but a column, none at all, by which all rows would read the same, or an answer.
    """
    told = f"{key}={template!r:.80}"
    try:
        parsed = [part[1:] for part in Formatter().parse(template) if part[1] is not None]
    except ValueError as error:
        raise ValueError(f"{told}: {error}; a brace that is text is written twice") from None
    there = f"there are {', '.join(column for column in columns if column not in answers)}"
    for field, form, conversion in parsed:
        if not field:
            raise ValueError(f"{told}: a pair of braces names no column; {there}")
        if field not in columns:
            raise ValueError(f"{told}: there is no column {field!r}; {there}")
        if why := _no_form(form, conversion):
            raise ValueError(f"{told}: {why} in the braces of {field}; nearest: {{{field}}}")
        if field in answers:
            raise ValueError(f"{told} reads {field}: the answer would be in the input")
    if not parsed:
        raise ValueError(f"{told} names no column, so that every row would read the same; {there}")
    return [field for field, _, _ in parsed if field]


def _no_form(form: str | None, conversion: str | None) -> str:
    """Why a text cannot be written in this form (``.200``, the first 200 letters) and conversion (``r``); empty where it can."""
    asked = f"{{{f'!{conversion}' if conversion else ''}{f':{form}' if form else ''}}}"
    try:
        asked.format("")
    except (ValueError, LookupError) as error:
        return in_a_line(error)
    return ""
