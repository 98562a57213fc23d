"""The small table at the end of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lopa_bench.host.terminal import add_row, say, show, table
from lopa_bench.results.record import Result, Scoring
from lopa_bench.study.reference import paper_value

if TYPE_CHECKING:
    from lopa_bench.run.story import Outcome

FEW_ROWS = 50  # of a selection split; fewer are pointed out
_SELECTIONS = {
    "holdout": "best epoch on {validation} rows that are not reported",
    "paper": "best epoch on the reported split itself, as the paper does",
    "last": "the last epoch",
}


def print_outcome(outcome: Outcome) -> None:
    """Metrics with the majority baseline (and the paper's value at paper scale), parameters, time, memory, and where the files are."""
    result = outcome.result
    at_paper_scale = result.scale == "paper"
    title = f"{result.task} · {result.method} · {result.model} · seed {result.seed}"
    headings = ["value", "majority", *(["paper"] if at_paper_scale else [])]
    lines = table(f"metric ({result.data.rows['test']} rows)", *headings, title=title, show_edge=False)
    for name, value in result.metrics.items():
        baseline = result.baseline.majority.get(name)
        row = [name, f"{value:.2f}", "–" if baseline is None else f"{baseline:.2f}"]
        if at_paper_scale:
            reference = paper_value(result, name)
            row.append("—" if reference is None else f"{reference:g}")
        add_row(lines, row)
    show(lines)
    say(*(f"{name:<12} {value}" for name, value in _facts(result)))
    if outcome.found:
        say("This run was finished before; nothing was run. force=true runs it again.")
    say(f"{'files':<12} {outcome.directory.path}")


def _facts(result: Result) -> list[tuple[str, str]]:
    counts, seconds, rows = result.parameters, result.seconds, result.data.rows
    share = 100 * counts.trained / counts.total
    selection = _SELECTIONS[result.selection].format(validation=rows.get("validation", ""))
    epoch = f", epoch {result.selected_epoch}" if result.steps else ""
    rate = result.examples_per_second
    speed = f", {rate:.0f} examples/s" if rate else ""
    precision = f", {result.computed_in}" if result.computed_in else ""
    return [
        (
            "parameters",
            f"{counts.paper:,} as the paper counts, {counts.trained:,} got gradients"
            + (f", {counts.readout:,} of them the classifier's" if counts.readout else ""),
        ),
        ("", f"({share:.3g} % of the backbone's {counts.total:,})"),
        ("selection", f"{result.selection}: {selection}{epoch}"),
        *_selecting_facts(result),
        *_majority_facts(result),
        *_reading_facts(result),
        ("time", f"{seconds.total:.1f} s ({seconds.train:.1f} s training{speed}) on {result.device}{precision}"),
        ("peak memory", f"{result.peak_memory_mib:,} MiB"),
        *_scoring_facts(result.scoring),
    ]


def _selecting_facts(result: Result) -> list[tuple[str, str]]:
    """Whether epochs were told apart by few rows, on which many of them score the same."""
    rows = result.data.rows.get("validation", FEW_ROWS)
    if rows >= FEW_ROWS:
        return []
    return [("", f"on {rows} rows one answer is {100 / rows:.1f} points: epochs are hardly told apart")]


def _majority_facts(result: Result) -> list[tuple[str, str]]:
    if not result.baseline.majority:
        return []
    if result.baseline.majority.get("accuracy") == 100:
        return [("majority", "all rows reported have the label of most training rows: the score says nothing")]
    return [("majority", "the label of most training rows, on the rows reported")]


def _reading_facts(result: Result) -> list[tuple[str, str]]:
    """What the numbers are not of: the ends of long rows, and rows that could not be used."""
    data, facts = result.data, []
    cut = [f"{count:,} of {data.rows[split]:,} {split}" for split, count in data.truncated.items() if count]
    if cut:
        length = result.setting("train.max_length")
        facts.append(
            ("truncated", f"{', '.join(cut)} rows are longer than train.max_length={length} or the model's positions")
        )
    if result.unended:
        length = result.setting("generation.max_new_tokens")
        until = f"generation.max_new_tokens={length}" if length else "train.max_length"
        facts.append(("without end", f"{result.unended:,} texts of {data.rows['test']:,} rows went on until {until}"))
    if data.left_out:
        left_out = ", ".join(f"{count:,} {split}" for split, count in data.left_out.items())
        facts.append(("left out", f"{left_out} rows that could not be used"))
    return facts + [("", remark) for remark in result.remarks]


def _scoring_facts(scoring: Scoring) -> list[tuple[str, str]]:
    """What the numbers depend on beside the run: how candidate programs were contained, what could not be scored."""
    facts = [("sandbox", f"level {scoring.sandbox}")] if scoring.sandbox else []
    reasons: dict[str, list[str]] = {}
    for metric, reason in scoring.missing.items():
        reasons.setdefault(reason, []).append(metric)
    return facts + [("not scored", f"{', '.join(metrics)}: {reason}") for reason, metrics in reasons.items()]
