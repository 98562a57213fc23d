"""What is wrong with a value that a settings class does not take, in one line: key and value as they were given, and the way out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lopa_bench.config import quoting
from lopa_bench.config.keys import spell
from lopa_bench.config.nearest import hint, not_one_of

BOUNDS = (("ge", "at least"), ("gt", "above"), ("le", "at most"), ("lt", "below"))
KINDS: dict[str, tuple[str, type | tuple[type, ...]]] = {  # start of pydantic's name of an error -> what is wanted
    "int": ("a whole number", int),
    "float": ("a number", (int, float)),
    "bool": ("true or false", bool),
    "finite": ("a finite number", float),
    "list": ("a list", list),
}


def one_line(errors: Sequence[Any], values: Mapping[str, Any], prefix: str, fields: Sequence[str]) -> str:
    """The first of pydantic's errors as `key=value: what is wrong; what would be valid`.

    Args:
        errors: of a value that may be a number or a word, one for each of the two.
        values: what the class was made from. prefix: their key. fields: the names that the class knows.
    """
    error = errors[0]
    names, whole = _given(error, values)
    key = ".".join([prefix, *names] if prefix else names)
    value, context, kind = error["input"], error.get("ctx", {}), error["type"].split("_")[0]
    if error["type"] in {"unexpected_keyword_argument", "extra_forbidden"}:
        return f"{key} is not a key here{hint(names[-1], fields, f'{prefix}.{{}}')}"
    if error["type"] in {"missing", "missing_argument"}:
        return f"{key} is needed: give {key}=…"
    if error["type"] == "literal_error":
        return not_one_of(key, shown(value), _options(error))
    if error["type"] == "too_short" and not value:
        return f"{key}={shown(value)}: it has to hold at least one; give {key}=[…]"
    if error["type"] == "string_too_short" and not value:
        return f"{key}={shown(whole)}: there is an empty text in it; leave it out, or give one"
    for bound, words in BOUNDS:
        if bound in context:
            limit = spell(context[bound])
            near = f"; nearest: {key}={limit}" if bound in {"ge", "le"} else ""
            return f"{key}={shown(value)} must be {words} {limit}{near}"
    if error["type"] == "value_error":
        return f"{key}={shown(value)}: {context['error']}" if names else str(context["error"])
    if error["type"] == "string_type":
        return _no_text(key, whole, value)
    if kind in {"dict", "dataclass"}:
        return f"{key}={shown(value)} holds names with values and is no value; give {key}={{NAME: VALUE}}"
    if kind not in KINDS:
        return f"{key}={shown(value)}: {error['msg']}"
    wanted, types = KINDS[kind]
    if _is_quoted(value, types):
        return f"{key}='{value}' is text by its quotes, not {wanted}; leave them away; nearest: {key}={value}"
    if kind == "list":
        near = f"; nearest: {key}=[{value}]" if isinstance(value, str) else f"; give {key}=[…]"
        return f"{key}={shown(value)} is not {wanted}{near}"
    offered = [word for other in errors if other["loc"][:1] == error["loc"][:1] for word in _options(other)]
    if offered:
        near = hint(shown(value), offered, f"{key}={{}}")
        return f"{key}={shown(value)} is not {wanted} and not one of {', '.join(offered)}{near}"
    return f"{key}={shown(value)} is not {wanted}"


def shown(value: Any) -> str:
    """A value as a line of an error has room for it."""
    spelled = isinstance(value, (bool, list, Mapping)) or value is None
    plain = str(value) if isinstance(value, (str, int, float)) else type(value).__name__
    text = quoting.override("", value)[1:] if spelled else plain
    return text if len(text) <= 80 else f"{text[:76]}…"


def _options(error: Any) -> list[str]:
    """The words that would be valid; none where words are not the matter."""
    if error["type"] != "literal_error":
        return []
    return [option.strip(" '") for option in error["ctx"]["expected"].replace(" or ", ",").split(",")]


def _given(error: Any, values: Mapping[str, Any]) -> tuple[list[str], Any]:
    """The names below the class's key that lead to the value that was given, and that value: of an item the list that it is in.

    Members of a union ("int", "constrained-float") and places in a list are part of pydantic's location, and of no key.
    """
    first, *rest = error["loc"] or ("",)
    names, value = ([str(first)] if first != "" else []), values.get(first)
    for part in rest if rest[-1:] != ["[key]"] else rest[:-2]:  # a name that is none is told of its mapping
        if isinstance(value, Mapping) and part in value:
            names, value = [*names, str(part)], value[part]
    return names, value


def _no_text(key: str, whole: Any, value: Any) -> str:
    """Of a text, or of one in a list (`whole`), what to write in its place: what Hydra reads as a number is text in quotes."""
    if value is None:
        return f"{key}={shown(whole)} is not text; give {key}=…"
    # Of 1e5 there is 100000.0 left, so that the user alone knows the text.
    quoted = "'…'" if isinstance(value, float) else f"'{shown(value)}'"
    if whole is value:
        return f'{key}={shown(value)} is not text; in quotes it is: {key}="{quoted}"'
    return f'{key}={shown(whole)}: {shown(value)} is not text; in quotes it is: "{quoted}"'


def _is_quoted(value: Any, wanted: type | tuple[type, ...]) -> bool:
    """Whether a text would be what is wanted, or null, without the quotes around it."""
    parsed = quoting.read(f"key={value}") if isinstance(value, str) and value else None
    if parsed is None or parsed.is_sweep_override():
        return False
    bare = parsed.value()
    return bare is None or (isinstance(bare, wanted) and isinstance(bare, bool) == (wanted is bool))
