"""What LOPA's instance part does, which reviewers asked and the paper never showed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lopa_bench.report.choice import by_rank_of, choose
from lopa_bench.report.figures.style import COLOURS, GREY, axes_grid, look
from lopa_bench.results.prompts import Prompts, load_prompts
from lopa_bench.results.read import Runs
from lopa_bench.results.record import Instance
from lopa_bench.study import plan
from lopa_bench.study.spec import RANKS, Column
from lopa_bench.study.tables import tables

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "What the instance part does"
CAPTION = (
    "LOPA's instance part Z_I over test examples, one row of panels per task: its two principal components by gold label "
    "at the highest rank (one seed); the spectrum over examples by rank, with the effective rank (the number of equal "
    "singular values that would have the same entropy: 1 means that all examples share one direction); how large the "
    "singular values within one example's Z_I are; gate values; how far each virtual token turns from the task part Z_S; and the score "
    "on the reported rows with each row's own prompt, another row's, the mean prompt, and the task part alone. "
    "Lines are means and bands the range over seeds."
)
SATURATED = 0.05  # a gate this near to 0 or 1 passes almost no gradient

Floats = NDArray[np.floating[Any]]


def principal(offsets: Floats) -> tuple[Floats, Floats]:
    """Principal components of offsets Z_I, [N, M, D].

    Returns:
        Coordinates on the first two, [N, 2], and the singular values of the centred [N, M·D] matrix
        but the last, which centring makes zero.
    """
    flat = offsets.reshape(len(offsets), -1)
    u, s, _ = np.linalg.svd(flat - flat.mean(0), full_matrices=False)
    return u[:, :2] * s[:2], s[: len(flat) - 1]


def effective_rank(singular_values: Floats) -> float:
    """exp of the normalised spectrum's entropy (Roy & Vetterli 2007): k equal values give k."""
    total = float(singular_values.sum())
    if total == 0:
        return 0.0
    p = singular_values[singular_values > 0] / total
    return float(np.exp(-(p * np.log(p)).sum()))


def gates(prompts: Prompts) -> Floats:
    """sigmoid(Z_I), [N, M, D]."""
    return 1 / (1 + np.exp(-np.clip(prompts.z_i, -60, 60)))


def cosines(prompts: Prompts) -> Floats:
    """Between each token of the prompt Z = Z_S ∘ sigmoid(Z_I) and of Z_S, [N, M]."""
    z = prompts.z_s * gates(prompts)
    lengths = np.linalg.norm(z, axis=-1) * np.linalg.norm(prompts.z_s, axis=-1)
    turned: Floats = (z * prompts.z_s).sum(-1) / np.maximum(lengths, 1e-12)
    return turned


ByRank = dict[int, list[Prompts]]  # one for each seed that kept them


def figure(runs: Runs, scale: str, fast: bool = False) -> Figure | None:
    """A row of panels for each task of the main table for which a LOPA run kept its prompts."""
    main, *others = tables(scale)
    if not any(table.name == "ablation_rank" for table in others):
        return None
    found = [(column, _prompts(runs, column, scale, fast)) for column in main.columns]
    shown = [(column, by_rank) for column, by_rank in found if by_rank]
    if not shown:
        return None
    wide = len(TITLES)
    drawn, panels = axes_grid(wide, len(shown), width=2.6, height=2.1)
    for i, (column, by_rank) in enumerate(shown):
        _row(panels[wide * i : wide * (i + 1)], column.label, by_rank)
        _worth(panels[wide * (i + 1) - 1], _instances(runs, column, scale, fast), column.shown.axis)
    for place in (2, 3, 4):  # the same axis for every task, wide enough for all
        column_of_panels = panels[place::wide]
        bottoms, tops = zip(*(axes.get_ylim() for axes in column_of_panels), strict=True)
        for axes in column_of_panels:
            axes.set_ylim(min(bottoms), max(tops))
    for axes, title in zip(panels, TITLES, strict=False):
        axes.set_title(title)
    for axes, label in zip(panels[-wide:], LABELS, strict=True):
        axes.set_xlabel(label)
    return drawn


TITLES = (
    "$Z_I$ by gold label",
    "Spectrum over examples",
    "Within one $Z_I$",
    "Gates",
    "Turn from $Z_S$",
    "Does it matter?",
)
LABELS = ("first component", "component", "singular value", "sigmoid($Z_I$)", "virtual token", "prompt")
PROMPTS = ("own", "exchanged", "mean", "off")  # fields of a result's instance section


def _instances(runs: Runs, column: Column, scale: str, fast: bool) -> list[Instance]:
    """What the instance is worth at the highest rank, one a seed; none of runs that were not asked."""
    (by_rank,) = tables(scale, ["ablation_rank"])
    chosen, _ = choose(runs, plan.cell(by_rank.rows[-1], column, scale, fast), scale)
    return [instance for instance in chosen["instance"] if isinstance(instance, Instance)]


def _prompts(runs: Runs, column: Column, scale: str, fast: bool) -> ByRank:
    kept = {}
    for rank, paths in by_rank_of(runs, column, scale, fast):
        loaded = [load_prompts(path.parent) for path in paths]
        kept[rank] = [prompts for prompts in loaded if prompts is not None]
    return {rank: prompts for rank, prompts in kept.items() if prompts}


def _row(panels: Sequence[Axes], task: str, by_rank: ByRank) -> None:
    highest = by_rank[max(by_rank)]
    _classes(panels[0], highest[0])
    panels[0].set_ylabel(task, fontweight="bold")
    _spectra(panels[1], by_rank)
    _within(panels[2], by_rank)
    _gates(panels[3], highest)
    _turn(panels[4], highest)


def _classes(axes: Axes, prompts: Prompts) -> None:
    coordinates, _ = principal(prompts.z_i)
    for i, label in enumerate(np.unique(prompts.label)):
        own = coordinates[prompts.label == label]
        axes.scatter(own[:, 0], own[:, 1], s=10, alpha=0.6, label=label.strip(), **look(i))
    axes.legend(fontsize=7, handletextpad=0.1, borderaxespad=0, frameon=True, framealpha=0.85, edgecolor="none")
    axes.set_xticklabels([])
    axes.set_yticklabels([])


def _spectra(axes: Axes, by_rank: ByRank) -> None:
    for rank, seeds in by_rank.items():
        spectra = [principal(prompts.z_i)[1] for prompts in seeds]
        effective = [effective_rank(spectrum) for spectrum in spectra]
        shares = [spectrum / max(float(spectrum.max()), 1e-12) for spectrum in spectra]
        _band(axes, np.stack(shares), _colour(rank), f"r={rank}: {_spread(effective)}")
    axes.set(xscale="log", yscale="log", ylim=(1e-4, 1.5))
    axes.legend(title="effective rank", fontsize=7, title_fontsize=7, loc="lower left", borderaxespad=0)


def _colour(rank: int) -> str:
    """The same for a rank in every panel."""
    return COLOURS[RANKS.index(rank) % len(COLOURS)]


def _within(axes: Axes, by_rank: ByRank) -> None:
    """One Z_I [M, D] has at most R singular values: are all of them used?"""
    for rank, seeds in by_rank.items():
        values = [np.linalg.svd(prompts.z_i, compute_uv=False)[:, :rank].mean(0) for prompts in seeds]
        _band(axes, np.stack(values), _colour(rank), f"r={rank}", marker="o", markersize=4)
    axes.set_xticks(range(1, max(by_rank) + 1))
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=7, borderaxespad=0)


def _gates(axes: Axes, seeds: Sequence[Prompts]) -> None:
    values = [gates(prompts) for prompts in seeds]
    saturated = [100 * float(((v < SATURATED) | (v > 1 - SATURATED)).mean()) for v in values]
    edges = np.linspace(0, 1, 41)
    density = np.stack([np.histogram(v, edges, density=True)[0] for v in values])
    _band(axes, density, COLOURS[0], x=(edges[1:] + edges[:-1]) / 2)
    for edge in (SATURATED, 1 - SATURATED):
        axes.axvline(edge, color=GREY, linestyle="--", linewidth=1)
    axes.text(
        0.5, 0.98, f"{_spread(saturated)} % saturated", transform=axes.transAxes, ha="center", va="top", fontsize=7
    )
    axes.set(xlim=(0, 1))
    axes.set_ylim(bottom=0)


def _turn(axes: Axes, seeds: Sequence[Prompts]) -> None:
    _band(axes, np.stack([cosines(prompts).mean(0) for prompts in seeds]), COLOURS[0])
    axes.set_ylabel("cosine")


def _worth(axes: Axes, seeds: Sequence[Instance], label: str) -> None:
    """The score by prompt: a mean and the range over seeds."""
    axes.set_xticks(range(len(PROMPTS)), PROMPTS, fontsize=7)
    axes.set_xlim(-0.5, len(PROMPTS) - 0.5)
    axes.set_ylabel(label)
    for place, name in enumerate(PROMPTS if seeds else ()):
        values = [float(getattr(instance, name)) for instance in seeds]
        axes.vlines(place, min(values), max(values), color=COLOURS[0], alpha=0.4, linewidth=5)
        axes.plot([place], [float(np.mean(values))], marker="o", color=COLOURS[0])


def _band(
    axes: Axes, curves: Floats, colour: str, label: str | None = None, x: Floats | None = None, **style: Any
) -> None:
    """Draw the mean of curves [seeds, K], and the range between them."""
    places = np.arange(1, curves.shape[1] + 1) if x is None else x
    axes.plot(places, curves.mean(0), label=label, **{"color": colour, **style})
    axes.fill_between(places, curves.min(0), curves.max(0), alpha=0.2, color=colour)


def _spread(values: Sequence[float]) -> str:
    """``3.2``, or ``3.1–3.4`` over seeds."""
    return "–".join(dict.fromkeys(f"{value:.1f}" for value in (min(values), max(values))))
