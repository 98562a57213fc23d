"""What LOPA's instance part does, which reviewers asked and the paper never showed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lopa_bench.report.choice import choose
from lopa_bench.report.figures.style import COLOURS, axes_grid, look
from lopa_bench.results.prompts import Prompts, load_prompts
from lopa_bench.results.read import Runs
from lopa_bench.study import plan
from lopa_bench.study.spec import GLUE, RANKS, Column, Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SATURATED = 0.05  # a gate this near to 0 or 1 passes almost no gradient
DRAWN_RANK = RANKS[-1]

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


def offset_figures(runs: Runs, scale: str, fast: bool = False) -> list[tuple[str, Callable[[], Figure]]]:
    """One figure per GLUE task for which a LOPA run kept its prompts."""
    found = {task: _prompts(runs, task, scale, fast) for task in GLUE}
    return [(task, partial(_figure, task, by)) for task, by in found.items() if DRAWN_RANK in by]


def _prompts(runs: Runs, task: str, scale: str, fast: bool) -> dict[int, Prompts]:
    """Rank -> prompts of the first seed that kept them."""
    kept: dict[int, Prompts] = {}
    for rank in RANKS:
        row = Row(f"LOPA r={rank}", "lopa", {"method.rank": rank})
        chosen, _ = choose(runs, plan.cell(row, Column(task, task, ""), scale, fast), scale)
        for path in chosen["path"]:
            prompts = load_prompts(path.parent)
            if prompts is not None:
                kept.setdefault(rank, prompts)
    return kept


def _figure(task: str, by_rank: dict[int, Prompts]) -> Figure:
    figure, panels = axes_grid(3, 2, width=3.5)
    prompts = by_rank[DRAWN_RANK]
    figure.suptitle(f"{task.upper()}: LOPA's instance part, r={DRAWN_RANK}, {len(prompts.label)} examples")
    coordinates, _ = principal(prompts.z_i)
    _classes(panels[0], coordinates, prompts.label)
    spectra = {rank: principal(p.z_i)[1] for rank, p in by_rank.items()}
    _spectra(panels[1], spectra)
    _within(panels[2], by_rank)
    _effective(panels[3], spectra)
    _gate_histogram(panels[4], gates(prompts))
    _cosine_boxes(panels[5], cosines(prompts))
    return figure


def _classes(axes: Axes, coordinates: Floats, labels: NDArray[np.str_]) -> None:
    for i, label in enumerate(np.unique(labels)):
        own = coordinates[labels == label]
        axes.scatter(own[:, 0], own[:, 1], s=14, alpha=0.7, label=label.strip(), **look(i))
    axes.set(xlabel="first component", ylabel="second component", title="$Z_I$ by gold label")
    axes.legend()


def _spectra(axes: Axes, spectra: dict[int, Floats]) -> None:
    for i, (rank, values) in enumerate(spectra.items()):
        share = values / max(float(values.max()), 1e-12)
        axes.plot(range(1, len(share) + 1), share, label=f"r={rank}", color=COLOURS[i])
    axes.set(xscale="log", yscale="log", ylim=(1e-4, 1.5))
    axes.set(xlabel="component", ylabel="singular value / largest", title="Spectrum over examples")
    axes.legend()


def _within(axes: Axes, by_rank: dict[int, Prompts]) -> None:
    """One Z_I [M, D] has at most R singular values: are all of them used?"""
    for i, (rank, prompts) in enumerate(by_rank.items()):
        values = np.linalg.svd(prompts.z_i, compute_uv=False)[:, :rank].mean(0)
        axes.plot(range(1, rank + 1), values, label=f"r={rank}", markersize=5, **look(i))
    axes.set(xlabel="singular value", ylabel="mean over examples", title="Inside one $Z_I$")
    axes.set_xticks(range(1, max(by_rank) + 1))
    axes.set_ylim(bottom=0)
    axes.legend()


def _effective(axes: Axes, spectra: dict[int, Floats]) -> None:
    ranks = list(spectra)
    values = [effective_rank(spectrum) for spectrum in spectra.values()]
    bars = axes.bar(range(len(ranks)), values, color=COLOURS[0], width=0.5)
    axes.bar_label(bars, fmt="%.1f", padding=2)
    axes.set_xticks(range(len(ranks)), [str(rank) for rank in ranks])
    axes.margins(y=0.15)
    axes.set(xlabel="rank r", ylabel="effective rank", title="Effective rank over examples")


def _gate_histogram(axes: Axes, values: Floats) -> None:
    saturated = float(((values < SATURATED) | (values > 1 - SATURATED)).mean())
    axes.hist(values.ravel(), bins=40, range=(0, 1), color=COLOURS[0], density=True)
    for edge in (SATURATED, 1 - SATURATED):
        axes.axvline(edge, color=COLOURS[1], linestyle="--", linewidth=1)
    axes.set(xlabel="gate, sigmoid($Z_I$)", ylabel="density", xlim=(0, 1))
    axes.set_title(f"Gate values, {100 * saturated:.1f} % saturated")


def _cosine_boxes(axes: Axes, values: Floats) -> None:
    axes.boxplot(
        values,
        showfliers=False,
        medianprops={"color": COLOURS[1]},
        boxprops={"color": COLOURS[0]},
    )
    step = max(1, values.shape[1] // 10)
    axes.set_xticks(range(1, values.shape[1] + 1, step), [str(t) for t in range(1, values.shape[1] + 1, step)])
    axes.set(xlabel="virtual token", ylabel="cosine of $Z$ and $Z_S$", title="Turn from the task part")
