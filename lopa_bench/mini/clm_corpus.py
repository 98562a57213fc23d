"""The running text that mini-clm is pretrained on: what the tasks are made of, not the tasks.

Functions and what they return, documented functions, read-eval-print sessions, worked exercises,
notes on Python, restaurant guides and encyclopedia cards. Facts, docstrings and exercises come in
many formats, as in the wild: a model that has met a matter in one format only cannot be steered to
it by a prompt alone. A task's own format is left out of each, and every program, entity and
restaurant belongs to the train split, so nothing of a validation or test set is in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from random import Random

from lopa_bench.mini import e2e, webnlg
from lopa_bench.mini.cruxeval import draw_program
from lopa_bench.mini.python_programs import Program, calls, chain, draw_value, function, listed
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

# List formats: what stands inside a fact, and between facts.
INSIDE = (": ", " : ", " = ", " - ", " is ")
BETWEEN = ("\n", " | ", "; ", ", ", " / ")
# Layouts of a worked exercise: what opens (and, as "/", closes) the code and the answer.
CODE_TAGS = ("[CODE]", "[{}CODE]", "[{}PYTHON]", "[{}TASK]", "<{}code>", "Question:", "# exercise")
ANSWER_TAGS = ("[RESULT]", "[{}ANSWER]", "[{}SOLUTION]", "[{}DONE]", "<{}answer>", "Answer:", "# solution")
# Any with any: where each came with one other, a frozen model closed [ANSWER] with the tag that used to follow [PYTHON].
EXERCISE_TAGS = [pair for pair in product(CODE_TAGS, ANSWER_TAGS) if pair != ("[{}PYTHON]", "[{}ANSWER]")]


def documents(seed: int) -> Iterator[str]:
    """Endless, the same for the same seed."""
    rng = Random(f"corpus {seed}")
    kinds: tuple[tuple[Callable[[Random], str], int], ...] = (
        (_session, 16),
        (_tested, 28),
        (_commented, 8),
        (_documented, 16),
        (_inverted, 7),
        (_exercises, 12),
        (_note, 3),
        (_guide, 12),
        (_card, 12),
    )
    writers, weights = zip(*kinds, strict=True)
    while True:
        yield rng.choices(writers, weights)[0](rng)


def _from_train(rng: Random, draw: Callable[[Random], Program], count: int) -> tuple[Program, list[tuple[str, str]]]:
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


def _commented(rng: Random) -> str:
    """A function under a comment that says what it does."""
    program, examples = _from_train(rng, lambda rng: chain(rng, rng.choice((1, 2, 3))), 2)
    name = "_".join(program.slugs)
    code = f"# A function to {listed(program.words)}.\n{program.code(name)}"
    calls_first = rng.random() < 0.5
    shown = _examples(rng, name, examples)
    return f"{shown}\n\n{code}" if calls_first else f"{code}\n\n{shown}"


def _documented(rng: Random) -> str:
    """A function whose docstring says what it does, with examples or without.

    The MBPP task's docstring, which begins on a line of its own with "Write a function to", is left out.
    """
    program, examples = _from_train(rng, lambda rng: chain(rng, rng.choice((1, 2, 3))), rng.randint(1, 3))
    name = "_".join(program.slugs)
    signature, body = program.code(name).split("\n", 1)
    says = listed(program.words)
    openings = (f"A function to {says}.", f"{says[0].upper()}{says[1:]}.", f"Given {program.parameters[0]}, {says}.")
    summary = f'"""{rng.choice(openings)}'
    shown = [line for given, output in examples for line in (f">>> {name}({given})", output)]
    heading = rng.choice((None, [], [], [""], ["", "Examples:"]))
    lines = [f'{summary}"""'] if heading is None else [summary, *heading, *shown, '"""']
    docstring = "\n".join(f"    {line}" if line else "" for line in lines)
    return f"{signature}\n{docstring}\n{body}"


def _inverted(rng: Random) -> str:
    """A function, then arguments for wanted outputs."""
    program, examples = _from_train(rng, draw_program, 3)
    wanted = "\n".join(f"{output} comes from f({given})" for given, output in examples)
    return f"{program.code()}\n\n{wanted}"


def _exercises(rng: Random) -> str:
    """Worked exercises in one layout: code with a gap in an assertion, then the assertion filled in.

    The CRUXEval tasks' tags, [PYTHON] before [ANSWER], are left out.
    """
    code_tag, answer_tag = rng.choice(EXERCISE_TAGS)
    gap = rng.choice(("??", "?", "...", "___"))
    inputs = rng.random() < 0.3
    shown = []
    for _ in range(rng.randint(2, 3)):
        program, [(given, output)] = _from_train(rng, draw_program, 1)
        asked = f"assert f({gap}) == {output}" if inputs else f"assert f({given}) == {gap}"
        answer = f"assert f({given}) == {output}"
        shown.append(_tagged(code_tag, f"{program.code()}\n{asked}") + "\n" + _tagged(answer_tag, answer))
    return "\n\n".join(shown)


def _tagged(tag: str, text: str) -> str:
    opening, closing = (tag.format(""), tag.format("/")) if "{}" in tag else (tag, "")
    return f"{opening}\n{text}\n{closing}".rstrip("\n")


def _note(rng: Random) -> str:
    return " ".join(rng.sample(NOTES, 3))


def _guide(rng: Random) -> str:
    """A restaurant guide: sometimes a list of facts before the text, or as the document before it."""
    restaurant = e2e.draw_restaurant(rng, "train")
    text = " ".join(e2e.describe(rng, restaurant, 1))
    if rng.random() < 0.3:
        return text
    facts = list(restaurant.items())
    if rng.random() < 0.5:
        rng.shuffle(facts)
    return _joined(rng, _listed(rng, facts), text)


def _card(rng: Random) -> str:
    """An encyclopedia card: sometimes its facts before the text, or as the document before it."""
    category = rng.choice(tuple(webnlg.CATEGORIES))
    facts = webnlg.draw_facts(rng, category, "train")
    text = " ".join(webnlg.verbalise(rng, category, facts, 1))
    if rng.random() < 0.3:
        return text
    subject = facts[0][0].replace("_", " ")
    if rng.random() < 0.5:
        return _joined(rng, f"{subject} ({category})\n{_listed(rng, [fact[1:] for fact in facts])}", text)
    return _joined(rng, _listed(rng, facts), text)


def _listed(rng: Random, facts: Sequence[tuple[str, ...]]) -> str:
    """Facts, pairs or triples, in one of many list formats.

    The data-to-text tasks' own, colons in a fact and bars between facts, is left out.
    """
    inside, between = rng.choice([style for style in product(INSIDE, BETWEEN) if style != (" : ", " | ")])
    start = "* " if between == "\n" and rng.random() < 0.5 else ""
    return between.join(start + inside.join(fact) for fact in facts)


def _joined(rng: Random, facts: str, text: str) -> str:
    """The facts alone, or with the text, in one document or in two.

    What stands before a mark may matter to what follows it, as in the data-to-text tasks' format, or may not. Were it always so, the
    model alone would do these tasks; were it rare, no soft prompt would bring it to them.
    """
    return facts + rng.choices(("", f"\n{text}", f"{END}{text}", f"{END} {text}"), (5, 4, 3, 6))[0]
