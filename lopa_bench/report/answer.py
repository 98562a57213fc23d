"""The questions of `study.questions` answered at every scale that has runs, from the claims' tests; as text."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lopa_bench.host.terminal import printable
from lopa_bench.report import markdown
from lopa_bench.report.claims_json import as_dict
from lopa_bench.report.claims_text import HOW, detail, read_by, statement
from lopa_bench.report.findings import CheckedPart, Finding, Verdict, by_rule
from lopa_bench.report.terminal import console_of_reports, printed
from lopa_bench.report.verdicts import check_claims
from lopa_bench.results.read import Runs
from lopa_bench.study.claim import Contrast
from lopa_bench.study.claims import CLAIMS
from lopa_bench.study.questions import QUESTIONS, Question

SCALE_TITLES = {"mini": "embedded", "small": "real data", "paper": "the paper's scale"}
WORDS: dict[Verdict, str] = {"holds": "yes", "fails": "no", "undecided": "undecided", "no runs": "no runs"}
TESTED = (
    "A question is answered with yes when every statement below it holds, with no when one fails; `lopa-bench report claims` has each "
    "comparison's p, power and rows. In brackets the 95 % interval in points, and where seeds are missing how many are there."
)


@dataclass(frozen=True)
class Answer:
    """What the runs of one scale say to a question."""

    question: Question
    parts: tuple[CheckedPart, ...]

    @property
    def verdict(self) -> Verdict:
        return by_rule("every", [part.verdict for part in self.parts])

    @property
    def word(self) -> str:
        """``no``, or ``undecided, leans no``."""
        leaning = by_rule("every", [part.leaning for part in self.parts])
        leans = f", leans {WORDS[leaning]}" if self.verdict == "undecided" and leaning in ("holds", "fails") else ""
        return WORDS[self.verdict] + leans


Answers = Mapping[str, Sequence[Answer]]  # by scale, in the order of QUESTIONS


def answer(runs: Runs, scale: str) -> list[Answer]:
    """Every question, by the claims that it rests on."""
    needed = {name for question in QUESTIONS for name, _ in question.parts}
    checked = check_claims(runs, scale, claims=[claim for claim in CLAIMS if claim.name in needed])
    parts = {claim.claim.name: claim.parts for claim in checked}
    return [Answer(asked, tuple(parts[name][place] for name, place in asked.parts)) for asked in QUESTIONS]


def terminal(answers: Answers) -> str:
    """A question a paragraph: its answers, then each statement with its tasks, decided ones first."""
    from rich.table import Table

    console = console_of_reports()
    for asked in _by_question(answers):
        said = " · ".join(f"{SCALE_TITLES[scale]}: {one.word}" for scale, one in asked.items())
        console.print(printable(f"{next(iter(asked.values())).question.text} {said}"), style="bold")
        for name, text, parts in _statements(asked):
            console.print(printable(f"{name} {text}"))
            grid = Table.grid(padding=(0, 2, 0, 0))
            for scale, part in parts.items():
                grid.add_row(f"  {SCALE_TITLES[scale]}", part.verdict, printable(_told(part)))
                for caveat in _caveats(part):
                    grid.add_row("", "", printable(caveat), style="dim")
            console.print(grid)
        console.print()
    console.print(f"{TESTED} {HOW}", style="dim")
    return printed(console)


def as_markdown(answers: Answers) -> str:
    """A table with a column a scale, a row a statement below each question's."""
    titles = [SCALE_TITLES[scale] for scale in answers]
    rows: list[list[str]] = []
    for asked in _by_question(answers):
        question = next(iter(asked.values())).question.text
        rows.append(["", *(f"**{text}**" for text in (question, *(one.word for one in asked.values())))])
        for name, text, parts in _statements(asked):
            cells = ["; ".join([f"{part.verdict}: {_told(part)}", *_caveats(part)]) for part in parts.values()]
            rows.append([name, *map(markdown.cell, [text, *cells])])
    return f"{markdown.table('l' * (2 + len(titles)), ['', '', *titles], rows)}\n{TESTED}\n{HOW}\n"


def as_json(answers: Answers) -> str:
    told: list[dict[str, Any]] = [
        {
            "scale": scale,
            "question": one.question.text,
            "answer": one.word,
            "parts": [
                {"claim": name} | as_dict(part) for (name, _), part in zip(one.question.parts, one.parts, strict=True)
            ],
        }
        for scale, asked in answers.items()
        for one in asked
    ]
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


def _by_question(answers: Answers) -> Iterator[dict[str, Answer]]:
    for place in range(len(QUESTIONS)):
        yield {scale: asked[place] for scale, asked in answers.items()}


def _statements(asked: Mapping[str, Answer]) -> Iterator[tuple[str, str, dict[str, CheckedPart]]]:
    """A question's statements: the claim's name, the text, and what each scale's runs say to it."""
    question = next(iter(asked.values())).question
    for place, (name, _) in enumerate(question.parts):
        parts = {scale: one.parts[place] for scale, one in asked.items()}
        yield name, statement(next(iter(parts.values()))), parts


def _told(part: CheckedPart) -> str:
    """``encoder mpnet: fails on sst2 -9.4 (-11.4 … -7.4); undecided rte …``: what was decided first."""
    words: dict[Verdict, str] = {
        "holds": "holds on",
        "fails": "fails on",
        "undecided": "undecided",
        "no runs": "no runs of",
    }
    by_verdict = {verdict: [f for f in part.findings if f.verdict == verdict] for verdict in words}
    told = [f"{words[verdict]} {', '.join(map(_finding, found))}" for verdict, found in by_verdict.items() if found]
    return ": ".join(filter(None, [read_by(part), "; ".join(told)]))


def _caveats(part: CheckedPart) -> list[str]:
    """What the claims report says beside the comparisons: ``sst2, qqp: the two sides differ in device (cpu | NVIDIA H100)``."""
    tasks: dict[str, list[str]] = {}
    for finding in part.findings:
        if told := detail(finding):
            tasks.setdefault(told, []).append(finding.comparison.task)
    return [f"{', '.join(named)}: {detail}" for detail, named in tasks.items()]


def _finding(finding: Finding) -> str:
    """``sst2 -9.4 (-11.4 … -7.4; 4 of 10 seeds)``; a task of which nothing is known by its name alone."""
    assert isinstance(finding.comparison, Contrast)
    difference, task = finding.difference, finding.comparison.task
    if difference is None:
        return task
    told = []
    if not math.isnan(difference.low):
        told.append(f"{difference.low:+.1f} … {difference.high:+.1f}")
    if difference.seeds < finding.look.seeds:
        told.append(f"{difference.seeds} of {finding.look.seeds} seeds")
    return f"{task} {difference.effect:+.1f}" + (f" ({'; '.join(told)})" if told else "")


FORMATS: dict[str, Callable[[Answers], str]] = {"terminal": terminal, "markdown": as_markdown, "json": as_json}
