"""Checked claims as text: what every form says, and Markdown; `claims_terminal` is for people, `claims_json` for programs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from lopa_bench.report import markdown
from lopa_bench.report.crossed import LEVEL
from lopa_bench.report.findings import WORTH, WORTH_ANEW, CheckedClaim, CheckedPart, Finding, Verdict
from lopa_bench.report.texts import MISSING
from lopa_bench.study import plan, second
from lopa_bench.study.claim import Contrast
from lopa_bench.study.commands import commands
from lopa_bench.study.looks import EARLY, LOOKS, Look

_LOOKS = [Look(LOOKS["mini"], place) for place in range(len(LOOKS["mini"]))]
_SHARES = ", ".join(f"{look.seeds} seeds {LEVEL * look.share:.4f}" for look in _LOOKS)
HOW = (
    "Per task: effect with a 95 % interval from a crossed analysis of variance over test examples and seeds (spread over "
    "seeds: the task's own; where fewer than five are planned, or seeds say nearly the same, the larger of it and that pooled over "
    "like tasks), p from the same, corrected for the planned looks and, after Holm, for the claim's other comparisons: below "
    f"{LEVEL:g} it decides. Of this level a look may spend a share in proportion to its seeds (looks after {_SHARES}; a single look all), "
    f"and {LEVEL * EARLY:g} where the first look's seeds are not yet all there (3 of 5); seeds between two looks are not counted. "
    "Power: how often as many seeds and rows, drawn anew, would decide at that share of the level, before Holm's "
    "correction, were the effect seen the true one. One seed never decides. Known to a point: undecided with all seeds of its look, "
    "and the interval ends within one point of the effect; such a comparison asks for no more. Another asks for the next look's seeds "
    f"where the last look would decide it in at least {100 * WORTH:.0f} % of cases (on the same rows, after all corrections, at the effect "
    "and spread seen) or know it to a point. Intervals are not corrected for looks. Second study (embedded scale): what the looks leave "
    "open is tested anew, once, on seeds and test rows that none of them had, at a level of its own, corrected for the claim's other "
    f"comparisons there; it is asked for where it would decide in at least {100 * WORTH_ANEW:.0f} % of cases or know to a point, and "
    "of speed always. A comparison that is undecided there and that half as many seeds again would know to a point gets these, for its "
    "interval alone. Each study has a false verdict in about 5 % of claims at most, both together in 10 %."
)
LEAST = 0.001  # a smaller p is printed as less than this
NUMBERS = ("effect", "95 % interval", "p (Holm)", "power", "seeds", "rows")
HEADS = ("task", "comparison", *NUMBERS, "verdict")


def needs(finding: Finding) -> str:
    """What it would take to decide an undecided comparison. At the size seen it then is decided half of the time."""
    difference = finding.difference
    assert difference is not None
    if difference.seeds == 1:
        return "one seed does not tell how many it takes"
    if finding.asks_anew:
        return f"asks for {_second_study(finding)}"
    if finding.to_a_point:
        return "known to a point"
    if finding.chance is not None:
        by_chance = finding.chance >= WORTH or not finding.asks
        then = f"decide it in {math.floor(100 * finding.chance)} % of cases" if by_chance else "know it to a point"
        return f"asks for {finding.asks or 'no more'} seeds ({finding.look.last.seeds} {then})"
    if finding.look.next:
        return f"waits for its look at {finding.look.seeds} seeds"
    if finding.tested:
        return "not known to a point with seeds added for it, either"
    seeds, rows = finding.more_seeds, difference.more_rows
    wanted = [] if seeds is None else [f"{seeds} more seed{'s' * (seeds > 1)}"]
    if rows:
        wanted.append(f"{rows:,} more test rows")
    would = "would have decided" if finding.first else "would decide"  # no third study is planned
    if not wanted:
        return f"no practical number of seeds or rows {would}"
    return f"about {' or '.join(wanted)} {would} as often as not"


def _second_study(finding: Finding) -> str:
    """What a comparison asks of it, and what that would do; nothing is said of speed, which it measures otherwise."""
    if finding.first:
        return f"{finding.asks_anew} seeds in the second study, which know it to a point"
    size = f"the second study ({finding.asks_anew} seeds and {second.rows(finding.comparison.task):,} other test rows"
    if finding.chance_anew is None:
        return f"{size})"
    decides = f"decides it in {math.floor(100 * finding.chance_anew)} % of cases"
    return f"{size}: {decides if finding.chance_anew >= WORTH_ANEW else 'knows it to a point'})"


def detail(finding: Finding) -> str:
    """What else a reader must know of a finding; of one of the second study, what the first had found."""
    if finding.first is None:
        return finding.detail
    before = finding.first.difference
    assert before is not None
    first = (
        f"second study; the first: {before.effect:+.2f} ({before.low:+.2f} … {before.high:+.2f}), {before.seeds} seeds"
    )
    of = (
        f"verdict and p are those of the second study's first {finding.tested} seeds, the others were added for the interval"
        if finding.tested
        else ""
    )
    return "; ".join(filter(None, [first, of, finding.detail]))


def finding_cells(finding: Finding) -> list[str]:
    """One comparison as the texts of HEADS."""
    comparison, difference = finding.comparison, finding.difference
    verdict: str = finding.verdict
    if isinstance(comparison, Contrast):
        other = "exchanged" if comparison.measure == "exchanged" else comparison.b.label
        label = f"{comparison.a.label} − {other}"
        label += " (% of steps saved)" if comparison.measure == "steps" else ""
    else:
        label = "parameters"
    if difference is None:
        return [comparison.task, label, finding.detail or MISSING, *[""] * 5, verdict]
    if verdict == "undecided":
        verdict = f"undecided, leans {LEANS[finding.leaning]}; {needs(finding)}"
    if told := detail(finding):
        verdict += f" ({told})"
    return [comparison.task, label, *number_cells(finding), verdict]


def number_cells(finding: Finding) -> list[str]:
    """What was measured, as the texts of NUMBERS."""
    difference, p_holm = finding.difference, finding.p_holm
    assert difference is not None
    interval = MISSING
    if not math.isnan(difference.low):
        interval = f"{difference.low:+.2f} … {difference.high:+.2f}"
    p = MISSING if p_holm is None else p_text(p_holm)
    power = f"{100 * difference.power:.0f} %" if difference.seeds > 1 else MISSING
    rows = f"{difference.rows:,}" if difference.rows else MISSING
    planned = f" of {finding.look.seeds}" if difference.seeds != finding.look.seeds else ""
    return [f"{difference.effect:+.2f}", interval, p, power, f"{difference.seeds}{planned}", rows]


def p_text(p: float) -> str:
    """To three places, or as many as it takes not to stand on the other side of the level."""
    if p < LEAST:
        return f"< {LEAST}"
    text = f"{p:.3f}"
    return text if (float(text) < LEVEL) == (p < LEVEL) else f"{p:.5f}"


def tally(claim: CheckedClaim) -> str:
    """How a claim's comparisons came out, and where an undecided claim leans: ``5 hold, 2 undecided (1 known to a point); leans for``."""
    verdicts = [finding.verdict for finding in claim.findings]
    known = sum(finding.to_a_point for finding in claim.findings)
    undecided = f"undecided ({known} known to a point)" if known else "undecided"
    words = {"holds": "hold", "fails": "fail", "undecided": undecided, "no runs": "without runs"}
    counted = [f"{verdicts.count(verdict)} {word}" for verdict, word in words.items() if verdict in verdicts]
    leans = f"; leans {LEANS[claim.leaning]}" if claim.verdict == "undecided" else ""
    return ", ".join(counted) + leans


LEANS: dict[Verdict, str] = {
    "holds": "for",
    "fails": "against",
    "undecided": "neither way",  # some comparisons have nothing to lean by
    "no runs": "neither way",
}


def missing_commands(checked: Iterable[CheckedClaim]) -> list[str]:
    """The commands for what no run speaks to yet, tasks that differ in nothing else in one."""
    return commands(plan.distinct(run for claim in checked for f in claim.findings for run in f.missing))


def asking(checked: Iterable[CheckedClaim]) -> str:
    """How many comparisons ask for further seeds, and what makes these runs; empty where none does."""
    count = sum(bool(finding.asks or finding.asks_anew) for claim in checked for finding in claim.findings)
    asks = "comparisons ask" if count > 1 else "comparison asks"
    return f"{count} {asks} for further seeds: decide=true of lopa-bench plan and reproduce" if count else ""


def part_title(part: CheckedPart) -> str:
    """The sentence tested, how many tasks must agree, and what came out."""
    return f"{statement(part)}: {part.verdict}"


def statement(part: CheckedPart) -> str:
    """The sentence tested, and how many tasks must agree."""
    return f"{part.part.text} on {'every task' if part.part.rule == 'every' else 'most tasks'}"


def read_by(part: CheckedPart) -> str:
    """``encoder mpnet``: what read the instance in the runs compared; empty where nothing did."""
    return f"encoder {', '.join(part.encoders)}" if part.encoders else ""


def as_markdown(checked: Sequence[CheckedClaim]) -> str:
    verdicts = [[c.claim.name, markdown.cell(c.claim.text), f"**{c.verdict}**", tally(c)] for c in checked]
    lines = [markdown.table("llll", ["claim", "", "verdict", "comparisons"], verdicts).rstrip()]
    for claim in checked:
        lines += ["", f"## {claim.claim.name}: {markdown.cell(claim.claim.text)}: {claim.verdict}"]
        for part in claim.parts:
            told = f" ({markdown.cell(read_by(part))})" if part.encoders else ""
            lines += ["", f"**{markdown.cell(part_title(part))}**{told}", ""]
            rows = (list(map(markdown.cell, finding_cells(finding))) for finding in part.findings)
            lines.append(markdown.table("llrrrrrrl", HEADS, rows).rstrip())
    lines += ["", HOW]
    lines += ["", f"{asked}."] if (asked := asking(checked)) else []
    commands = missing_commands(checked)
    if commands:
        lines += ["", "Missing runs:", "", "```sh", *commands, "```"]
    return "\n".join(lines) + "\n"
