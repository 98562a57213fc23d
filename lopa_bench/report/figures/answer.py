"""The answers to a reader's questions: a statement a row, its tasks beside each other, one panel a scale."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lopa_bench.report.answer import SCALE_TITLES, Answer, Answers
from lopa_bench.report.figures.style import GREY, axes_grid, look
from lopa_bench.report.findings import CheckedPart, Finding
from lopa_bench.study.claim import Contrast
from lopa_bench.tasks.known import known

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

IN_A_LINE = 4  # entries of the legend, for each panel
BAND = 0.8  # of a row's height that its tasks share
LABEL = 34  # characters of a statement in one line
TRUE = "#e3f1e8"  # where the statement is true
DOTTED = (0, (1, 1))  # an interval over rows alone: of one seed


def figure(answers: Answers) -> Figure:
    """Effects with their 95 % intervals; a filled marker is a decided comparison, a hollow one is not.

    A dotted interval is over the rows of one seed. What read the instance stands in the title, or in each row where rows differ.
    """
    first = next(iter(answers.values()))
    labels = [label for one in first for label in (one.question.text, *_statements(one.parts))]
    drawn, panels = axes_grid(len(answers), width=4.3, height=0.4 * len(labels) + 1.0, sharey=True)
    tasks = _tasks(answers)
    for axes, (scale, asked) in zip(panels, answers.items(), strict=True):
        axes.set_title(SCALE_TITLES[scale] + _encoder(asked))
        _panel(axes, asked, tasks)
    panels[0].set_yticks(range(len(labels)), labels)
    panels[0].set_ylim(len(labels) - 0.5, -0.5)  # the first row above
    for label in panels[0].get_yticklabels():
        asks = any(label.get_text() == one.question.text for one in first)
        label.set_fontweight("bold" if asks else "normal")
    _legend(drawn, tasks, len(panels))
    return drawn


def _panel(axes: Axes, asked: Sequence[Answer], tasks: list[str]) -> None:
    """A question's row has its answer, the rows below it its statements' comparisons."""
    place, parts = 0, dict[int, CheckedPart]()
    for one in asked:
        axes.text(0.02, place, one.word, transform=axes.get_yaxis_transform(), fontweight="bold", va="center")
        parts |= dict(enumerate(one.parts, place + 1))
        place += 1 + len(one.parts)
    differ = not _encoder(asked)
    for row, part in parts.items():
        _points(axes, row, part, tasks)
        if differ:
            read: dict[str, Any] = {
                "transform": axes.get_yaxis_transform(),
                "ha": "right",
                "va": "bottom",
                "color": GREY,
                "size": 8,
            }
            axes.text(0.99, row + 0.45, ", ".join(part.encoders), **read)
    left, right = axes.get_xlim()
    for row, part in parts.items():
        _shade(axes, row, part, left, right)
    axes.set_xlim(left, right)
    axes.set_xlabel("difference in points, 95 % interval")
    axes.axvline(0, color="#444444", linewidth=0.8, zorder=0.5)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)


def _encoder(asked: Sequence[Answer]) -> str:
    """`` (encoder: backbone)`` where all that was compared at a scale was read by the same, else empty."""
    named = {encoder for one in asked for part in one.parts for encoder in part.encoders}
    return f" (encoder: {named.pop()})" if len(named) == 1 else ""


def _statements(parts: tuple[CheckedPart, ...]) -> list[str]:
    return [textwrap.fill(part.part.text, LABEL) for part in parts]


def _tasks(answers: Answers) -> list[str]:
    """Those with a comparison at some scale, in the claims' order."""
    found = [finding for asked in answers.values() for one in asked for part in one.parts for finding in part.findings]
    order = dict.fromkeys(finding.comparison.task for finding in found)
    tested = {finding.comparison.task for finding in found if finding.difference}
    return [task for task in order if task in tested]


def _points(axes: Axes, place: int, part: CheckedPart, tasks: list[str]) -> None:
    for finding in part.findings:
        if finding.difference is not None:
            i = tasks.index(finding.comparison.task)
            _point(axes, place + BAND * ((i + 0.5) / len(tasks) - 0.5), finding, i)


def _point(axes: Axes, y: float, finding: Finding, i: int) -> None:
    difference, style = finding.difference, look(i)
    assert difference is not None
    decided = finding.verdict in ("holds", "fails")
    *_, (interval,) = axes.errorbar(
        [difference.effect],
        [y],
        xerr=[[difference.effect - difference.low], [difference.high - difference.effect]],
        linestyle="none",
        elinewidth=0.8,
        markersize=4,
        markerfacecolor=style["color"] if decided else "white",
        **style,
    )
    if difference.seeds == 1:
        interval.set_linestyle(DOTTED)


def _shade(axes: Axes, place: int, part: CheckedPart, left: float, right: float) -> None:
    """Where between `left` and `right` the statement is true."""
    contrast = part.findings[0].comparison
    assert isinstance(contrast, Contrast)
    low, high = max(left, contrast.region.low), min(right, contrast.region.high)
    axes.barh(place, high - low, left=low, height=0.9, color=TRUE, zorder=0)


def _legend(drawn: Figure, tasks: list[str], panels: int) -> None:
    """The tasks, and what a filled marker, a dotted line and the shade say."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    marks: list[Artist] = [
        Line2D([], [], linestyle="none", label=known(task).title, **look(i)) for i, task in enumerate(tasks)
    ]
    hollow: dict[str, Any] = {"linestyle": "none", "color": "black", "marker": "o"}
    marks += [
        Line2D([], [], label="decided", **hollow),
        Line2D([], [], label="undecided", markerfacecolor="white", **hollow),
    ]
    marks += [Line2D([], [], color="black", linewidth=0.8, linestyle=DOTTED, label="one seed")]
    marks += [Patch(color=TRUE, label="statement true")]
    drawn.legend(
        handles=marks,
        loc="outside lower center",
        ncols=math.ceil(len(marks) / math.ceil(len(marks) / (IN_A_LINE * panels))),
        columnspacing=1.2,
        handletextpad=0.4,
    )
