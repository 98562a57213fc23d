"""The training loop, the same for every method and task."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from lopa_bench.config.schema import Train
from lopa_bench.errors import Interrupted, TrainingDiverged
from lopa_bench.host import signals
from lopa_bench.host.device import random_state, restore_random_state
from lopa_bench.host.processes import processes
from lopa_bench.methods.adapted import AdaptedModel
from lopa_bench.models.batches import Split
from lopa_bench.run.checkpoint import Checkpoints
from lopa_bench.run.monitor import Monitor
from lopa_bench.run.shard import is_shard, load_shards, whole

Scores = dict[str, float]
State = dict[str, Tensor]

HISTORY_POINTS = 200  # rows of history.csv between evaluations, about


@dataclass
class Progress:
    """Everything that changes while a run trains; what a checkpoint holds beside the tensors.

    Attributes:
        epoch, batch: the next batch to train on; step: optimiser steps done.
        history: rows of history.csv.
        best_epoch, best_scores: of the epoch whose parameters are kept, by the selection split.
        gradient_norm: at the first and the last logged step.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    seconds: float = 0.0
    examples: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    best_scores: Scores = field(default_factory=dict)
    trained_parameters: int = 0
    gradient_norm: dict[str, float] = field(default_factory=dict)


def train(
    model: AdaptedModel,
    split: Split,
    settings: Train,
    seed: int,
    evaluate: Callable[[], Scores] | None,
    metric: str,
    checkpoints: Checkpoints,
    monitor: Monitor,
) -> Progress:
    """Train `model` in place on `split`; afterwards it holds the selected epoch's parameters.

    Args:
        evaluate: scores of the selection split, called after every epoch; None keeps the last epoch.
        metric: the score that selects, higher is better; the first of equal epochs wins.

    It goes on from the last checkpoint, and saves one from time to time and when Ctrl-C or SIGTERM asks it to stop.

    Raises:
        TrainingDiverged: at the first loss that is not finite.
        Interrupted: at the step boundary after a signal, the checkpoint saved.
    """
    parameters, together = model.trainable(), processes()
    progress = Progress()
    if not parameters or not settings.epochs:
        return progress
    optimizer = torch.optim.AdamW(model.parameter_groups(settings.lr), weight_decay=settings.weight_decay, fused=True)
    steps_per_epoch = math.ceil(math.ceil(len(split) / settings.batch_size) / settings.accumulate)
    total_steps = steps_per_epoch * settings.epochs
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, learning_rate_factor(settings, total_steps))
    losses = LossLog(progress, every=max(1, total_steps // HISTORY_POINTS))
    best: State = {}

    saved = load_shards(model, checkpoints.load)
    if saved:
        progress, best = Progress(**saved["progress"]), saved["best"]
        losses.resume(progress, saved["losses"], model.backbone.device)
        model.load_trainable(saved["parameters"])
        optimizer.load_state_dict(saved["optimizer"])
        schedule.load_state_dict(saved["schedule"])
        restore_random_state(saved["random"][together.rank % len(saved["random"])])

    def state() -> dict[str, Any]:
        return {
            "progress": vars(progress),
            "best": best,
            "losses": losses.state(),
            "parameters": {name: p.detach() for name, p in parameters.items()},
            "optimizer": optimizer.state_dict(),
            "schedule": schedule.state_dict(),
            "random": together.collect(random_state()),
        }

    def boundary(received: list[int]) -> None:
        """Between two steps: a checkpoint if it is time, or to stop."""
        stop = together.any(bool(received))
        if stop or together.any(together.main and checkpoints.due):
            now = whole(state())
            together.first(lambda: checkpoints.save(now))
        if stop:
            raise Interrupted(*received)

    monitor.training(progress, total_steps, settings.epochs)
    started = time.perf_counter() - progress.seconds
    with signals.held() as received:
        while progress.epoch < settings.epochs:
            model.train()
            batches = split.shuffled(settings.batch_size, seed, progress.epoch, settings.bucket)
            while progress.batch < len(batches):
                group = batches[progress.batch : progress.batch + settings.accumulate]
                scored = sum(len(split.rows[i].targets) for index in group for i in index)
                loss = sum(backward(model, split, index, scored) for index in group)
                sum_gradients(list(parameters.values()))
                norm = clip_gradients(list(parameters.values()), settings.clip)
                if progress.step == 0:
                    progress.trained_parameters = sum(p.numel() for p in parameters.values() if p.grad is not None)
                losses.add(loss, norm, schedule.get_last_lr()[0])
                optimizer.step()
                optimizer.zero_grad()
                schedule.step()
                progress.step += 1
                progress.batch += len(group)
                progress.examples += sum(map(len, group))
                progress.seconds = time.perf_counter() - started
                monitor.step(progress, losses.last)
                boundary(received)
            losses.flush()
            if evaluate is not None:
                scores = evaluate()
                progress.history[-1].update(scores)
                monitor.epoch(progress, scores)
                if not best or scores[metric] > progress.best_scores[metric]:
                    progress.best_epoch, progress.best_scores = progress.epoch + 1, scores
                    best = {name: p.detach().clone() for name, p in parameters.items()}
            progress.epoch, progress.batch = progress.epoch + 1, 0
            progress.seconds = time.perf_counter() - started
            boundary(received)
    if evaluate is None:
        progress.best_epoch = progress.epoch
    else:
        model.load_trainable(best)
    return progress


def backward(model: AdaptedModel, split: Split, index: list[int], scored: int) -> Tensor:
    """Accumulate gradients of the cross-entropy at the positions of rows `index`, summed, over the step's `scored`; that loss, detached.

    So one step is the same however its rows are divided into accumulated batches, and those among processes, each of which takes its
    share of the rows.
    """
    share = processes().share(index)
    weight = sum(len(split.rows[i].targets) for i in share) / scored
    share = share or index[:1]  # with no row of its own a process still takes part in the sum, at weight 0
    batch = split.batch(share).to(model.backbone.device)
    loss = F.cross_entropy(model(batch), batch.targets) * weight
    loss.backward()
    return loss.detach()


def sum_gradients(parameters: list[nn.Parameter]) -> None:
    """Over all processes, in one collective. The backward pass has summed those of shards."""
    gradients = [p.grad for p in parameters if p.grad is not None and not is_shard(p)]
    if processes().count > 1 and gradients:
        flat = processes().sum(torch.cat([gradient.flatten() for gradient in gradients]))
        for gradient, total in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(total.view_as(gradient))


def clip_gradients(parameters: list[nn.Parameter], clip: float | None) -> Tensor:
    """Scale gradients down to the norm `clip`; the norm before that."""
    norm = get_total_norm([p.grad for p in parameters if p.grad is not None])
    norm = norm.full_tensor() if is_shard(norm) else norm
    clip_grads_with_norm_(parameters, clip if clip is not None else math.inf, norm)
    return norm


def learning_rate_factor(settings: Train, total_steps: int) -> Callable[[int], float]:
    """Linear warm-up over `warmup` of all steps, then constant or linear to zero."""
    warmup = round(settings.warmup * total_steps)

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / (warmup + 1)
        if settings.schedule == "linear":
            return (total_steps - step) / max(1, total_steps - warmup)
        return 1.0

    return factor


class LossLog:
    """Collects losses on the device and reads them every `every` steps, so that a step never waits for the host."""

    def __init__(self, progress: Progress, every: int) -> None:
        self.progress, self.every = progress, every
        self.pending: list[tuple[int, float, Tensor, Tensor]] = []
        self.last = math.nan

    def add(self, loss: Tensor, norm: Tensor, lr: float) -> None:
        self.pending.append((self.progress.step, lr, loss, norm))
        if len(self.pending) >= self.every:
            self.flush()

    def state(self) -> dict[str, Any]:
        return {"pending": self.pending, "last": self.last}

    def resume(self, progress: Progress, state: dict[str, Any], device: torch.device) -> None:
        self.progress, self.last = progress, state["last"]
        self.pending = [(step, lr, loss.to(device), norm.to(device)) for step, lr, loss, norm in state["pending"]]

    def flush(self) -> None:
        """Write the mean of the pending losses as a history row. Raises `TrainingDiverged`."""
        if not self.pending:
            return
        steps, rates, losses, norms = zip(*self.pending, strict=True)
        values = processes().sum(torch.stack(losses)).tolist()
        for step, rate, value in zip(steps, rates, values, strict=True):
            if not math.isfinite(value):
                raise TrainingDiverged(step=step + 1, lr=rate, last_good=self.last)
            self.last = value
        norm = norms[-1].item()
        self.progress.gradient_norm = {"first": norms[0].item(), **self.progress.gradient_norm, "last": norm}
        row = {
            "step": steps[-1] + 1,
            "epoch": self.progress.epoch + 1,
            "loss": sum(values) / len(values),
            "lr": rates[-1],
        }
        self.progress.history.append(row)
        self.pending.clear()
