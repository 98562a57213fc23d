"""The running text that mini-clm is pretrained on: what the tasks are made of, not the tasks.

Functions and what they return, read-eval-print sessions, notes on Python, restaurant guides and
encyclopedia cards. No text has a task's prompt format with its answer, and every program, entity
and restaurant belongs to the train split, so nothing of a validation or test set is in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from lopa_bench.mini import e2e, webnlg
from lopa_bench.mini.cruxeval import draw_program
from lopa_bench.mini.mbpp import describe, entry_point
from lopa_bench.mini.python_programs import Program, calls, chain, draw_value, function
from lopa_bench.mini.python_steps import LETTERS, STEPS

END = "<|endoftext|>"  # closes a document

NOTES = (
    "You are given a Python function and an input. Find the output when executing the code.",
    "An assertion containing an input to the function will only hold on the correct output.",
    "A literal is a value: it has no unsimplified expressions and no function calls.",
    "The provided code may be incorrect or incomplete, even if the assertion is correct.",
    "Do NOT provide any extra information. Write one assertion for one input.",
    "Following the examples, complete the full assertion with a literal.",
    "There may be multiple answers, but you should only provide one such input.",
    "An assertion in the form f(??) == output leads to the given output.",
    "You will be given a function f and an output. Find any input that will produce the output.",
    "Answers are in [ANSWER] and [/ANSWER] tags, code is in [PYTHON] and [/PYTHON] tags.",
    "Write a function to find an answer. Such a function may have one input or multiple inputs.",
    "The given input should produce the given output when executing f on it.",
    "Complete the code with the tags, and provide the output containing the correct literal.",
)


def documents(seed: int) -> Iterator[str]:
    """Endless, the same for the same seed."""
    rng = Random(f"corpus {seed}")
    kinds: tuple[tuple[Callable[[Random], str], int], ...] = (
        (_session, 20),
        (_tested, 38),
        (_solved, 18),
        (_inverted, 9),
        (_note, 3),
        (_guide, 10),
        (_card, 10),
    )
    writers, weights = zip(*kinds, strict=True)
    while True:
        yield rng.choices(writers, weights)[0](rng)


def _from_train(rng: Random, draw: Callable[[Random], Program], count: int):
    """A program of the train split with ``count`` calls."""
    while True:
        program = draw(rng)
        if program.split() == "train" and (examples := calls(rng, program, count)):
            return program, examples


def _session(rng: Random) -> str:
    """A few expressions over one variable, each with its value."""
    takes = rng.choice(tuple(STEPS))
    value = draw_value(rng, takes)
    lines = [f">>> v = {value!r}"]
    while len(lines) < 9:
        step = rng.choice(STEPS[takes])
        c, d = rng.sample(value if takes == "text" and len(set(value)) > 1 else LETTERS, 2)
        code = step.code.format(v="v", k=rng.randint(2, 5), c=c, d=d)
        try:
            result = function(f"def f(v):\n    return {code}", "f")(value)
        except (IndexError, ValueError):
            continue
        lines += [f">>> {code}", repr(result)]
    return "\n".join(lines)


def _examples(rng: Random, name: str, examples: list[tuple[str, str]]) -> str:
    style = rng.choice((">>> {}({})\n{}", "assert {}({}) == {}", "{}({}) is {}"))
    return "\n".join(style.format(name, *example) for example in examples)


def _tested(rng: Random) -> str:
    """A function, then what it gives for some arguments."""
    program, examples = _from_train(rng, draw_program, 4)
    return f"{program.code()}\n\n{_examples(rng, 'f', examples)}"


def _solved(rng: Random) -> str:
    """A function under a comment that says what it does."""
    program, examples = _from_train(rng, lambda rng: chain(rng, rng.choice((1, 2, 3))), 2)
    name = entry_point(program)
    code = f"# A function to {describe(program)}.\n{program.code(name)}"
    calls_first = rng.random() < 0.5
    shown = _examples(rng, name, examples)
    return f"{shown}\n\n{code}" if calls_first else f"{code}\n\n{shown}"


def _inverted(rng: Random) -> str:
    """A function, then arguments for wanted outputs."""
    program, examples = _from_train(rng, draw_program, 3)
    wanted = "\n".join(f"{output} comes from f({given})" for given, output in examples)
    return f"{program.code()}\n\n{wanted}"


def _note(rng: Random) -> str:
    return " ".join(rng.sample(NOTES, 3))


def _guide(rng: Random) -> str:
    """A restaurant guide: sometimes a list of facts before the text, or as the document before it."""
    restaurant = e2e.draw_restaurant(rng, "train")
    text = " ".join(e2e.describe(rng, restaurant, 1))
    if rng.random() < 0.4:
        return text
    facts = list(restaurant.items())
    rng.shuffle(facts)
    listed = "\n".join(f"* {attribute}: {value}" for attribute, value in facts)
    return _joined(rng, listed, text)


def _card(rng: Random) -> str:
    """An encyclopedia card: sometimes a table of facts before the text, or as the document before it."""
    category = rng.choice(tuple(webnlg.CATEGORIES))
    facts = webnlg.draw_facts(rng, category, "train")
    text = " ".join(webnlg.verbalise(rng, category, facts, 1))
    if rng.random() < 0.4:
        return text
    subject = facts[0][0].replace("_", " ")
    table = "\n".join(f"{name} = {value}" for _, name, value in facts)
    return _joined(rng, f"{subject} ({category})\n{table}", text)


def _joined(rng: Random, facts: str, text: str) -> str:
    """One document or two on one matter: what stands before a mark may matter to what follows it, as in the data-to-text tasks' format."""
    return f"{facts}{rng.choice((chr(10), END))}{text}"
