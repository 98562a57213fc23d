"""Runs that learnt nothing: which they are, and what it may be."""

from __future__ import annotations

from typing import Any

import pandas as pd

from lopa_bench.results.record import GradientNorm, Instance

NEAR = 0.5  # points: a prompt that moves a handful of examples has still learnt nothing
DEAD = 1e-8  # gradient norm below which a float32 parameter near one does not move any more
MOST = 20  # runs named; the rest is counted


def diagnose(frame: pd.DataFrame) -> list[str]:
    """One line per run at the majority class's score, whose prompt gets no gradient, or whose prompt does not depend on its input."""
    lines = []
    for run in frame.sort_values(["task", "method", "seed"]).itertuples():
        if not run.paper_parameters:  # nothing was to be learnt
            continue
        reasons = _no_gradient(run.gradient_norm) or _at_majority(run) or _ignores(run.instance)
        if reasons:
            name = f"{run.task} {run.method} seed={run.seed}"
            lines.append(f"{name}: {reasons} ({run.path.parent})")
    rest = len(lines) - MOST
    return [*lines[:MOST], f"… and {rest} more such runs"] if rest > 0 else lines


def _no_gradient(norms: GradientNorm) -> str | None:
    if norms.first is None:
        return None
    first, last = norms.first, norms.first if norms.last is None else norms.last
    if first < DEAD:
        return (
            f"its trained parameters got no gradient (norm {first:.1e} at the first step): the "
            "prompt does not reach the loss, or its initialisation saturates the gate"
        )
    if last < DEAD:
        return (
            f"its gradient vanished (norm {first:.1e} to {last:.1e}): saturated by a learning rate "
            "that is too high, or by its initialisation"
        )
    return None


def _at_majority(run: Any) -> str | None:
    """A score within NEAR of the majority class's, where that class scores anything at all."""
    if not run.majority or pd.isna(run.majority) or pd.isna(run.score):
        return None
    if abs(run.score - run.majority) > NEAR:
        return None
    lr = (run.config.get("train") or {}).get("lr")
    return (
        f"{run.score:.2f} is the majority class's {run.majority:.2f}, nothing was learnt: the "
        f"learning rate (train.lr={lr}) may be too low or high, the prompt's initialisation far "
        "from the word embeddings, or the model may not know the label words"
    )


def _ignores(instance: Instance | None) -> str | None:
    """A score no more than NEAR above that with the prompts of other instances."""
    if not isinstance(instance, Instance) or instance.own - instance.exchanged > NEAR:
        return None
    return (
        f"the prompt ignores its input: {instance.own:.2f}, and {instance.exchanged:.2f} with prompts exchanged between instances "
        f"({100 * instance.variance:.1f} % of the prompts' variance is between instances)"
    )
