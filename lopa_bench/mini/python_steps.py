"""The operations that the generated programs are made of, with their English."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

LETTERS = "bfgkmvxz"
NAMES = {
    "list": ("nums", "values", "numbers", "items"),
    "text": ("text", "word", "s", "string"),
    "number": ("n", "num", "value"),
}


@dataclass(frozen=True)
class Step:
    """An expression over ``{v}`` that leaves a value of type ``gives``, and what it does in words.

    ``{k}`` is a number from 2 to 5, ``{c}`` and ``{d}`` are two letters. ``words`` are those of the pretraining text, ``asked`` those of
    the MBPP task and of no text that the model was pretrained on.
    """

    slug: str
    gives: str
    code: str
    words: tuple[str, ...]
    asked: str


def _steps(*rows: tuple[str, str, str, str, str]) -> tuple[Step, ...]:
    return tuple(Step(slug, gives, code, tuple(words.split("; ")), asked) for slug, gives, code, words, asked in rows)


# fmt: off
STEPS: Mapping[str, tuple[Step, ...]] = {
    "list": _steps(
        ("reverse", "list", "{v}[::-1]", "reverse the list; turn the list around", "flip the sequence"),
        ("sort", "list", "sorted({v})", "sort the numbers; put the numbers in order", "arrange from low to high"),
        ("add", "list", "[x + {k} for x in {v}]", "add {k} to each number; raise each number by {k}", "lift every entry by {k}"),
        ("times", "list", "[x * {k} for x in {v}]", "multiply each number by {k}", "scale every entry by {k}"),
        ("above", "list", "[x for x in {v} if x > {k}]", "keep numbers above {k}; keep what exceeds {k}", "retain entries over {k}"),
        ("below", "list", "[x for x in {v} if x < {k}]", "keep numbers below {k}; keep what is less than {k}",
         "hold on to entries under {k}"),
        ("without", "list", "[x for x in {v} if x != {k}]", "remove every {k}; leave out {k}", "erase entries equal to {k}"),
        ("even", "list", "[x for x in {v} if x % 2 == 0]", "keep even numbers; remove odd numbers", "pick entries divisible by two"),
        ("odd", "list", "[x for x in {v} if x % 2 == 1]", "keep odd numbers; remove even numbers", "choose entries not divisible by two"),
        ("rest", "list", "{v}[1:]", "drop the first number; skip the first number", "behead the sequence"),
        ("trim", "list", "{v}[:-1]", "drop the last number; skip the last number", "shorten the sequence by one"),
        ("head", "list", "{v}[:2]", "take the first two numbers", "cut after two entries"),
        ("append", "list", "{v} + [{k}]", "append {k}; add {k} at the end of the list", "finish with {k}"),
        ("prepend", "list", "[{k}] + {v}", "prepend {k}; put {k} at the front of the list", "begin with {k}"),
        ("length", "number", "len({v})", "count the numbers; find how many numbers there are", "measure its size"),
        ("total", "number", "sum({v})", "find the sum; add up the numbers", "accumulate all entries"),
        ("largest", "number", "max({v})", "find the largest number; find the maximum", "select the top entry"),
        ("smallest", "number", "min({v})", "find the smallest number; find the minimum", "fetch the bottom entry"),
        ("first", "number", "{v}[0]", "get the first number", "read the opening entry"),
        ("last", "number", "{v}[-1]", "get the last number", "output the closing entry"),
        ("tally", "number", "{v}.count({k})", "count how often {k} occurs", "tell how many entries equal {k}"),
        ("has", "bool", "{k} in {v}", "check whether {k} is in the list; look for {k}", "decide if an entry equals {k}"),
    ),
    "text": _steps(
        ("reverse", "text", "{v}[::-1]", "reverse the text; turn the text around", "flip the string"),
        ("upper", "text", "{v}.upper()", "convert to upper case; make the text upper case", "capitalise every character"),
        ("suffix", "text", "{v} + '{c}'", "add '{c}' at the end of the text; append '{c}'", "finish with '{c}'"),
        ("prefix", "text", "'{c}' + {v}", "put '{c}' in front of the text; prepend '{c}'", "begin with '{c}'"),
        ("rest", "text", "{v}[1:]", "drop the first letter; skip the first letter", "behead the string"),
        ("trim", "text", "{v}[:-1]", "drop the last letter; skip the last letter", "shorten the string by one"),
        ("head", "text", "{v}[:2]", "take the first two letters", "cut after two characters"),
        ("double", "text", "{v} * 2", "repeat the text twice; write the text twice", "duplicate the string"),
        ("swap", "text", "{v}.replace('{c}', '{d}')", "replace '{c}' by '{d}'; turn '{c}' to '{d}'", "substitute '{d}' for '{c}'"),
        ("without", "text", "{v}.replace('{c}', '')", "remove every '{c}'; leave out every '{c}'", "erase the character '{c}'"),
        ("strip", "text", "{v}.strip('{c}')", "strip '{c}' from both ends", "peel '{c}' off the edges"),
        ("length", "number", "len({v})", "count the letters; find the length of the text", "measure its size"),
        ("tally", "number", "{v}.count('{c}')", "count how often '{c}' occurs; count every '{c}'", "tell how many characters equal '{c}'"),
        ("first", "letter", "{v}[0]", "get the first letter", "read the opening character"),
        ("last", "letter", "{v}[-1]", "get the last letter", "output the closing character"),
        ("split", "letters", "list({v})", "list the letters; split the text into letters", "break into characters"),
        ("starts", "bool", "{v}.startswith('{c}')", "check whether the text starts with '{c}'", "verify that it opens with '{c}'"),
        ("has", "bool", "'{c}' in {v}", "check whether '{c}' is in the text; look for '{c}'", "decide if a character equals '{c}'"),
    ),
    "number": _steps(
        ("add", "number", "{v} + {k}", "add {k}; increase the number by {k}", "enlarge it by {k}"),
        ("minus", "number", "{v} - {k}", "subtract {k}; decrease the number by {k}", "diminish it by {k}"),
        ("times", "number", "{v} * {k}", "multiply the number by {k}", "scale it by {k}"),
        ("halve", "number", "{v} // 2", "halve the number", "bisect it rounding down"),
        ("modulo", "number", "{v} % {k}", "find the remainder after division by {k}", "leave what dividing by {k} does not use up"),
        ("above", "bool", "{v} > {k}", "check whether the number is above {k}", "decide if it exceeds {k}"),
        ("even", "bool", "{v} % 2 == 0", "check whether the number is even", "verify that two divides it"),
        ("repeat", "text", "'{c}' * {v}", "repeat the letter '{c}' that many times", "write that many '{c}'"),
        ("count_up", "list", "list(range({v}))", "list the numbers below it", "enumerate from zero up to it"),
    ),
}
# fmt: on

CONDITIONS: Mapping[str, tuple[str, ...]] = {
    "list": ("len({v}) > 3", "{v}[0] > {k}", "{k} in {v}", "{v}[0] < {v}[-1]"),
    "text": ("len({v}) > 3", "{v}[0] == '{c}'", "'{c}' in {v}", "{v}[0] == {v}[-1]"),
    "number": ("{v} > {k}", "{v} % 2 == 0", "{v} < {k}"),
}

# start value, the lines inside `for x in {v}:`
LOOPS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "list": (
        ("0", "out += x"),
        ("[]", "out.append(x + {k})"),
        ("[]", "out.insert(0, x)"),
        ("[]", "if x > {k}:\n    out.append(x)"),
        ("0", "if x > {k}:\n    out += 1"),
        ("0", "if x == {k}:\n    out += 1"),
    ),
    "text": (
        ("''", "out = x + out"),
        ("''", "out += x + '{c}'"),
        ("''", "out += x * 2"),
        ("''", "if x != '{c}':\n    out += x"),
        ("0", "if x == '{c}':\n    out += 1"),
        ("[]", "out.append(x)"),
    ),
    "number": (
        ("0", "out += x"),
        ("[]", "out.append(x + {k})"),
        ("''", "out += '{c}'"),
        ("[]", "out.insert(0, x)"),
    ),
}
