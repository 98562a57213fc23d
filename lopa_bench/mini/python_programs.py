"""A small grammar of Python functions that come with an English description and true outputs.

A program is a chain of steps over one value (a list of digits, a short text or a number), a branch
between two steps, or a loop. The same grammar serves three readers: CRUXEval asks for a program's
output or input, MBPP for the program from its description, and the pretraining corpus shows other
programs with their values. Values stay small and texts are spelt with consonants that the
tokenizer never merges, so that a model of a few million parameters can learn to execute them.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from lopa_bench.config.fields import SplitName
from lopa_bench.mini.partition import split_of
from lopa_bench.mini.python_steps import CONDITIONS, LETTERS, LOOPS, NAMES, STEPS


@dataclass(frozen=True)
class Program:
    """One function of the grammar.

    Attributes:
        takes: type of the first argument: list, text or number.
        parameters: argument names; a second one, ``k``, stands for a number of the body.
        body: the lines below ``def``, indented by four spaces.
        words: what each step does, in English; empty for branches and loops.
        asked: the same in the words of the MBPP task.
        slugs: the names of the steps; empty for branches and loops.
        skeleton: what decides the split: the program without its names and constants, but a single step with them, since every
            step has to be known before it can be combined.
        letters: the letters its texts are spelt with.
    """

    takes: str
    parameters: tuple[str, ...]
    body: str
    words: tuple[str, ...]
    asked: tuple[str, ...]
    slugs: tuple[str, ...]
    skeleton: str
    letters: str

    def code(self, name: str = "f") -> str:
        return f"def {name}({', '.join(self.parameters)}):\n{self.body}"

    def split(self) -> SplitName:
        return split_of(f"{self.takes} {self.skeleton}")


class _Writer:
    """Writes templates with one variable and fresh constants."""

    def __init__(self, rng: Random, takes: str) -> None:
        self.rng, self.takes = rng, takes
        self.variable = rng.choice(NAMES[takes])
        self.parameters = [self.variable]
        self.letters = "".join(rng.sample(LETTERS, 4))

    def fill(self, *templates: str) -> list[str]:
        """The templates with the same constants; once in a while the number is a parameter."""
        number = str(self.rng.randint(2, 5))
        numbered = any("{k}" in template for template in templates)
        if numbered and len(self.parameters) == 1 and self.rng.random() < 0.2:
            number = "k"
            self.parameters.append(number)
        c, d = self.rng.sample(self.letters, 2)
        return [template.format(v=self.variable, k=number, c=c, d=d) for template in templates]

    def program(
        self,
        lines: Sequence[str],
        skeleton: str,
        words: Sequence[str] = (),
        asked: Sequence[str] = (),
        slugs: Sequence[str] = (),
    ) -> Program:
        return Program(
            takes=self.takes,
            parameters=tuple(self.parameters),
            body="\n".join(f"    {line}" for line in lines),
            words=tuple(words),
            asked=tuple(asked),
            slugs=tuple(slugs),
            skeleton=skeleton,
            letters=self.letters,
        )


def chain(rng: Random, steps: int) -> Program:
    """``steps`` steps one after the other; all but the last keep the type of the value."""
    takes = _draw_type(rng)
    kept = [step for step in STEPS[takes] if step.gives == takes]
    chosen = rng.sample(kept, steps - 1)
    chosen.append(rng.choice([step for step in STEPS[takes] if step not in chosen]))
    writer = _Writer(rng, takes)
    written = [writer.fill(step.code, rng.choice(step.words), step.asked) for step in chosen]
    lines = [f"{writer.variable} = {code}" for code, *_ in written[:-1]]
    lines.append(f"return {written[-1][0]}")
    slugs = [step.slug for step in chosen]
    return writer.program(
        lines,
        f"chain {' '.join(slugs if steps > 1 else lines)}",
        words=[words for _, words, _ in written],
        asked=[asked for *_, asked in written],
        slugs=slugs,
    )


def listed(words: Sequence[str]) -> str:
    """Steps in words as one phrase: "add 3 to each number, drop the last number and find the sum"."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def branch(rng: Random) -> Program:
    """A condition that chooses between two steps."""
    takes = _draw_type(rng)
    condition = rng.choice(CONDITIONS[takes])
    then, otherwise = rng.sample(STEPS[takes], 2)
    writer = _Writer(rng, takes)
    (test,), (yes,), (no,) = (writer.fill(template) for template in (condition, then.code, otherwise.code))
    lines = [f"if {test}:", f"    return {yes}", f"return {no}"]
    return writer.program(lines, f"branch {condition} {then.slug} {otherwise.slug}")


def loop(rng: Random) -> Program:
    """A loop that builds up ``out``, after one step or none."""
    takes = _draw_type(rng)
    start, inside = rng.choice(LOOPS[takes])
    before = rng.choice([None, *(step for step in STEPS[takes] if step.gives == takes)])
    writer = _Writer(rng, takes)
    elements = f"range({writer.variable})" if takes == "number" else writer.variable
    lines = [f"out = {start}", f"for x in {elements}:"]
    lines += [f"    {line}" for line in writer.fill(inside)[0].split("\n")]
    if before is not None:
        lines.insert(0, f"{writer.variable} = {writer.fill(before.code)[0]}")
    skeleton = f"loop {before.slug if before else 'at once'} {start} {inside}"
    return writer.program([*lines, "return out"], skeleton)


def _draw_type(rng: Random) -> str:
    return rng.choices(tuple(STEPS), (5, 5, 2))[0]


def draw_value(rng: Random, takes: str, letters: str = LETTERS) -> Any:
    """A small value: two to four digits or letters, or a number from 2 to 9."""
    size = rng.randint(2, 4)
    if takes == "list":
        return [rng.randint(0, 9) for _ in range(size)]
    if takes == "text":
        return "".join(rng.choices(letters, k=size))
    return rng.randint(2, 9)


def function(code: str, name: str) -> Callable[..., Any]:
    """Define one function of this grammar, and nothing else: the code is this module's own."""
    namespace: dict[str, Any] = {"__builtins__": {name: getattr(builtins, name) for name in _USED}}
    exec(code, namespace)
    defined: Callable[..., Any] = namespace[name]
    return defined


_USED = ("len", "list", "max", "min", "range", "sorted", "sum")


def calls(rng: Random, program: Program, count: int) -> list[tuple[str, str]] | None:
    """``count`` different calls as (arguments, output) literals, or None if the draw is dull.

    Arguments for which the program fails are drawn again. A program that has failed ten times, or
    that gives the same output for all of several calls, tells nothing and is given up.
    """
    run = function(program.code(), "f")
    found: dict[str, str] = {}
    for _ in range(count + 10):
        arguments = [draw_value(rng, program.takes, program.letters)]
        arguments += [rng.randint(2, 5) for _ in program.parameters[1:]]
        written = ", ".join(map(repr, arguments))
        try:
            found[written] = repr(run(*arguments))
        except (IndexError, ValueError):
            continue
        if len(found) == count:
            dull = count > 1 and len(set(found.values())) == 1
            return None if dull else list(found.items())
    return None
