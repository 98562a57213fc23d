"""The one parser of subcommands: the words behind ``lopa-bench COMMAND`` become a typed dataclass.

A subcommand declares its options as the fields of a frozen dataclass; `option` gives each its help. However it is named, an
option can be written ``name=value``, ``--name value`` and ``--name=value``, with ``-`` and ``_`` alike; a flag also as ``--flag`` and
``--no-flag``; a `bare` option without its name too. What is wrong is one line, like that of a run's override.
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lopa_bench.cli.options import Choice, Option, options_of
from lopa_bench.config.keys import spell
from lopa_bench.config.nearest import hint, is_near, nearest, not_one_of
from lopa_bench.errors import UserError

if TYPE_CHECKING:
    from lopa_bench.results.read import Runs

T = TypeVar("T")
NUMBER = re.compile(r"-?\.?\d")
KEY = re.compile(r"[A-Za-z_][\w.-]*")
YES_NO = {"true": True, "false": False}


def choose(choice: Choice, argv: Sequence[str], command: str) -> tuple[str, Any]:
    """The word that chooses, and the options read for it."""
    key, rest = choice.name, list(argv)
    chosen = ""
    for place, word in enumerate(rest):
        if (named := re.fullmatch(rf"(?:--)?{key}=(.*)", word)) or (word == f"--{key}" and rest[place + 1 :]):
            chosen = named[1] if named else rest[place + 1]
            del rest[place : place + (1 if named else 2)]
            break
    if not chosen and rest and not rest[0].startswith("-") and "=" not in rest[0]:
        chosen = rest.pop(0)
    chosen = chosen or choice.default
    if not chosen:
        raise UserError(f"{command} needs one of {', '.join(choice.options)}; see lopa-bench {command} --help")
    if chosen not in choice.options:
        raise UserError(f"{command}: {not_one_of(key, chosen, choice.options)}")
    return chosen, read(choice.options[chosen], rest, f"{command} {chosen}")


def read(kind: type[T], argv: Sequence[str], command: str) -> T:
    """The words of `command` as an instance of the dataclass `kind`.

    Raises:
        UserError: an unknown, missing or repeated option, or a value that is none of its.
    """
    options = options_of(kind)
    given: dict[str, Any] = {}
    for one, text in _pairs(options, deque(argv), command):
        value = _value(one, text, command)
        if one.many:
            value = (*given.get(one.field, ()), *value)
        elif given.get(one.field, value) != value:
            raise UserError(f"{command}: {one.name}={text} is the second {one.name}; give one")
        given[one.field] = value
    for one in options:
        if one.needed and one.field not in given:
            raise UserError(f"{command}: {one.name} is needed: give {one.spelling}")
    return kind(**given)


def _pairs(options: Sequence[Option], words: deque[str], command: str) -> Iterator[tuple[Option, str]]:
    """Each option that is named or stands bare, with its text."""
    bare = deque(one for one in options if one.details.bare)
    rest = next((one for one in options if one.takes_overrides), None)
    while words:
        word = words.popleft()
        key, equals, text = word.partition("=")
        dashed = word.startswith("-") and word != "-" and not NUMBER.match(word)
        one = _find(options, key)
        if one is None and key.startswith(("--no-", "--no_")) and not equals:
            one, text, equals = _find(options, f"--{key[5:]}"), "false", "="
            one = one if one and one.kind is bool else None
        if one and (dashed or equals):
            yield one, text if equals else _following(one, words, command)
            while one.many and one.kind is int and words and NUMBER.match(words[0]):
                yield one, words.popleft()
        elif rest and not _is_typo(key, options) and (dashed or equals or word[:1] in "~+"):
            yield rest, as_override(word, words)
        elif dashed or (equals and KEY.fullmatch(key)):
            raise UserError(_unknown(key.lstrip("-"), options, command))
        elif bare:
            yield bare[0], word
            if not bare[0].many:
                bare.popleft()
        elif rest:
            yield rest, word
        else:
            raise UserError(f"{command}: {word!r} is not an option (name=value or --name value)")


def as_override(word: str, words: deque[str]) -> str:
    """``--key value``, ``--key=value`` or ``--key`` (a flag) as the override ``key=value``; takes its value from `words`."""
    if not word.startswith("--"):
        return word
    key, equals, text = word[2:].partition("=")
    if not equals:
        is_value = words and "=" not in words[0] and (not words[0].startswith("-") or NUMBER.match(words[0]))
        text = words.popleft() if is_value else "true"
    return f"{key.replace('-', '_')}={text}"


def _find(options: Sequence[Option], key: str) -> Option | None:
    if re.fullmatch(r"-[A-Za-z]", key):
        return next((one for one in options if one.details.short == key[1:]), None)
    plain = key.removeprefix("--").replace("-", "_")
    return next((one for one in options if plain in (one.name, one.field) and not one.takes_overrides), None)


def _following(one: Option, words: deque[str], command: str) -> str:
    """The value in the word after ``--name``; a flag needs none."""
    if one.kind is bool:
        return words.popleft() if words and words[0].lower() in YES_NO else "true"
    if not words or (words[0].startswith("-") and not NUMBER.match(words[0])):
        raise UserError(f"{command}: {one.name} has no value: give {one.spelling}")
    return words.popleft()


def _is_typo(key: str, options: Sequence[Option]) -> bool:
    """Whether a key that would go to the run is rather an option of the subcommand."""
    plain = key.lstrip("-").replace("-", "_")
    return "." not in plain and any(is_near(plain, one.name, 0.8) for one in options if not one.takes_overrides)


def _unknown(key: str, options: Sequence[Option], command: str) -> str:
    spelled = {one.name: one.spelling for one in options if not one.takes_overrides}
    near = nearest(key.replace("-", "_"), spelled)
    ways = f"nearest: {spelled[near]}" if near else f"there are {', '.join(spelled) or 'none'}"
    return f"{command}: there is no option {key}; {ways}"


def _value(one: Option, text: str, command: str) -> Any:
    """The text as the option's type; a tuple's as a tuple."""
    if not one.many:
        return _single(one, text, command)
    parts = text.split(",") if one.details.split else [text]
    return tuple(_single(one, part, command) for part in parts)


def _single(one: Option, text: str, command: str) -> Any:
    wrong = f"{command}: {one.name}={text}"
    if text == "":
        if one.takes_overrides:
            raise UserError(f"{command}: a word is empty; is a variable of the shell unset?")
        raise UserError(f"{wrong} is empty: give {one.spelling}")
    if (choices := one.choices) is not None and text not in choices:
        raise UserError(f"{command}: {not_one_of(one.name, text, choices)}")
    if one.kind is bool:
        if text.lower() not in YES_NO:
            raise UserError(f"{wrong} is not true or false")
        return YES_NO[text.lower()]
    if one.kind is Path:
        from lopa_bench.config.fields import check_path

        try:
            return Path(check_path(text)).expanduser()
        except ValueError as error:
            raise UserError(f"{wrong}: {error}") from None
    return _number(one, text, wrong) if one.kind in (int, float) else text


def _number(one: Option, text: str, wrong: str) -> int | float:
    """The number in `text`: finite and within the option's bounds."""
    try:
        value: int | float = one.kind(text)
    except ValueError:
        raise UserError(f"{wrong} is not {'a whole number' if one.kind is int else 'a number'}") from None
    if not math.isfinite(value):
        raise UserError(f"{wrong} is not a finite number")
    least, above = one.details.at_least, one.details.above
    if least is not None and value < least:
        raise UserError(f"{wrong} must be at least {least}")
    if above is not None and value <= above:
        raise UserError(f"{wrong} must be above {above}")
    return value


def run_overrides(given: Sequence[str]) -> list[str]:
    """The overrides that a subcommand takes, each checked and spelled for Hydra. Raises `UserError` as a run does."""
    from lopa_bench.config.overrides import check_keys
    from lopa_bench.config.quoting import as_meant

    meant = [as_meant(word) for word in given]
    check_keys(meant)
    return meant


def settings(pairs: Sequence[str], command: str) -> dict[str, tuple[str, ...]]:
    """What ``where=KEY=VALUE`` asks for: the values of each key, any of which will do, as `spell` has them. Raises `UserError`."""
    from lopa_bench.config.quoting import pair

    wanted: dict[str, tuple[str, ...]] = {}
    for word in pairs:
        if "=" not in word:
            raise UserError(f"{command}: where={word}: give KEY=VALUE, e.g. where=train.lr=0.003")
        key, _, value = word.partition("=")
        if "." in key:  # a setting; fields are texts, and a commit may look like a number
            value = spell(pair(word)[1])
        wanted[key] = (*wanted.get(key, ()), value)
    return wanted


def check_known(found: Sequence[Runs], where: Mapping[str, Sequence[str]], command: str) -> None:
    """Raises `UserError` for a key or a value that none of the runs has: what is left would not say which of them is mistyped."""
    there = [runs for runs in found if not runs.frame.empty]
    for key, wanted in where.items() if there else ():
        values = sorted({value for runs in there for value in runs.values(key)})
        known = [value for value in values if value != spell(None)]
        for value in wanted:
            if value not in values:
                near = hint(value, known, f"where={key}={{}}")
                other = f"they have {', '.join(known)}{near}" if known else f"none has {key}"
                raise UserError(f"{command}: where={key}={value}: no run has it; {other}")
