"""The training loop, the same for every method and task."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from lopa_bench.config.schema import Train
from lopa_bench.errors import Interrupted
from lopa_bench.host import signals
from lopa_bench.host.processes import Processes
from lopa_bench.methods.adapted import AdaptedModel
from lopa_bench.metrics.metric import Metric, Scores
from lopa_bench.models.batches import Split
from lopa_bench.run.checkpoint import Checkpoints
from lopa_bench.run.losses import LossLog
from lopa_bench.run.monitor import Monitor
from lopa_bench.run.progress import Progress
from lopa_bench.run.schedule import learning_rate_factor
from lopa_bench.run.shard import full, is_shard, load_shards, whole

State = dict[str, Tensor]
Index = list[int]  # row numbers
Draws = Callable[[Tensor], AbstractContextManager[None]]

HISTORY_POINTS = 200  # rows of history.csv between evaluations, about


def train(
    model: AdaptedModel,
    split: Split,
    settings: Train,
    seed: int,
    evaluate: Callable[[], Scores] | None,
    metric: Metric,
    checkpoints: Checkpoints,
    monitor: Monitor,
    together: Processes,
) -> Progress:
    """Train `model` in place on `split`; afterwards it holds the selected epoch's parameters.

    A model that searches first (`search_epochs`) begins anew with what it has found: another optimiser, another schedule.

    Args:
        evaluate: scores of the selection split, called after every epoch of the training itself; None keeps the last epoch.
        metric: whose score selects; the first of equal epochs wins.

    It goes on from the last checkpoint, and saves one from time to time and when Ctrl-C or SIGTERM asks it to stop.

    Raises:
        TrainingDiverged: at the first loss that is not finite.
        Interrupted: at the step boundary after a signal, the checkpoint saved.
    """
    started = time.perf_counter()
    if model.solve(split):
        solved = sum(p.numel() for p in model.trainable().values())
        return Progress(trained_parameters=solved, seconds=time.perf_counter() - started)
    if not model.trainable() or not settings.epochs:
        return Progress()
    training = Training(model, split, settings, seed, checkpoints, together)
    progress = training.resume()
    monitor.training(progress, training.total_steps, training.epochs)
    with signals.held() as received:
        while progress.epoch < training.epochs:
            for _ in training.steps():
                monitor.step(progress, training.losses.last)
                training.boundary(received)
            training.losses.flush()
            if evaluate is not None and progress.epoch >= model.search_epochs:
                with monitor.counting("scoring the epoch"):
                    scores = evaluate()
                progress.history[-1].update(scores)
                monitor.epoch(progress, scores)
                training.keep_if_best(scores, metric)
            training.next_epoch()
            training.boundary(received)
    if evaluate is None:
        progress.best_epoch = progress.epoch
    else:
        model.load_trainable(training.best)
    return progress


class Training:
    """All that a step changes and a checkpoint keeps: parameters, optimiser, schedule, losses, progress.

    Random numbers are a function of the seed and the step, so nothing of them is kept.

    Attributes:
        epochs: of a search, and of the training itself.
        best: the parameters of the best epoch so far.
    """

    def __init__(
        self,
        model: AdaptedModel,
        split: Split,
        settings: Train,
        seed: int,
        checkpoints: Checkpoints,
        together: Processes,
    ) -> None:
        self.model, self.split, self.settings, self.seed = model, split, settings, seed
        self.checkpoints, self.together = checkpoints, together
        self._epoch_steps = math.ceil(math.ceil(len(split) / settings.batch_size) / settings.accumulate)
        self.epochs = model.search_epochs + settings.epochs
        self.total_steps = self._epoch_steps * self.epochs
        self._begin(model.search_epochs or settings.epochs)
        self.progress, self.best = Progress(), State()
        self.losses = LossLog(self.progress, max(1, self.total_steps // HISTORY_POINTS), together)

    def _begin(self, epochs: int) -> None:
        """Get ready to train what the model has now for so many epochs."""
        model, settings = self.model, self.settings
        self.parameters = model.trainable()
        groups = model.parameter_groups(settings.lr, settings.encoder_lr)
        self.optimizer = torch.optim.AdamW(groups, weight_decay=settings.weight_decay, fused=True)
        factor = learning_rate_factor(settings, self._epoch_steps * epochs)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, factor)

    def resume(self) -> Progress:
        """Go on from the last checkpoint, if there is one."""
        saved = load_shards(self.model, self.checkpoints.load, self.together)
        if saved:
            self.progress, self.best = Progress(**saved["progress"]), saved["best"]
            self.losses.resume(self.progress, saved["losses"], self.model.backbone.device)
            self.model.load_trainable(saved["parameters"])
            if self.progress.search:
                self._begin(self.settings.epochs)
            self.optimizer.load_state_dict(saved["optimizer"])
            self.schedule.load_state_dict(saved["schedule"])
        self._started = time.perf_counter() - self.progress.seconds
        return self.progress

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {
            "progress": vars(self.progress),
            "best": self.best,
            "losses": self.losses.state(),
            "parameters": {name: p.detach() for name, p in self.parameters.items()},
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
        }

    def boundary(self, received: list[int]) -> None:
        """Between two steps: save a checkpoint if it is time, or if a signal in `received` asks to stop, and stop."""
        stop = self.together.any(bool(received))
        if stop or self.together.any(self.together.main and self.checkpoints.due):
            now = whole(self.state(), self.together)
            self.together.first(lambda: self.checkpoints.save(now))
        if stop:
            raise Interrupted(*received)

    def steps(self) -> Iterator[None]:
        """Do the optimiser steps that are left of the epoch, one between two yields."""
        self.model.train()
        settings, progress = self.settings, self.progress
        batches = self.split.shuffled(settings.batch_size, self.seed, progress.epoch, settings.bucket)
        while progress.batch < len(batches):
            self._step(batches[progress.batch : progress.batch + settings.accumulate])
            yield

    def _step(self, group: list[list[int]]) -> None:
        """One optimiser step on the rows of `group`, a list of batches."""
        progress, parameters = self.progress, list(self.parameters.values())
        scored = sum(len(self.split.rows[i].targets) for index in group for i in index)
        torch.manual_seed(
            self.seed * 1_000_003 + progress.step
        )  # for what draws otherwise than by rows: a plug-in's method
        draws = partial(self.model.backbone.dropout.drawing, self.seed, progress.step)
        beside = [i for index in group for i in index] if self.model.reads_padding else []
        first, *others = (
            backward(self.model, self.split, index, beside, scored, draws, self.together) for index in group
        )
        loss = sum(others, start=first)
        sum_gradients(parameters, self.together)
        norm = clip_gradients(parameters, self.settings.clip)
        if not progress.trained_parameters:
            progress.trained_parameters = sum(p.numel() for p in parameters if p.grad is not None)
        self.losses.add(loss, norm, float(self.schedule.get_last_lr()[0]))
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.schedule.step()
        progress.step += 1
        progress.batch += len(group)
        progress.examples += sum(map(len, group))
        progress.seconds = time.perf_counter() - self._started

    def keep_if_best(self, scores: Scores, metric: Metric) -> None:
        """Keep the parameters if the epoch's `metric` is better than that of every earlier one."""
        if not self.best or metric.is_better(scores[metric.name], self.progress.best_scores[metric.name]):
            self.progress.best_epoch, self.progress.best_scores = self.progress.epoch + 1, scores
            self.best = {name: p.detach().clone() for name, p in self.parameters.items()}

    def next_epoch(self) -> None:
        self.progress.epoch, self.progress.batch = self.progress.epoch + 1, 0
        if self.progress.epoch == self.model.search_epochs:
            self.progress.search, self.progress.trained_parameters = self.model.end_search(), 0
            self._begin(self.settings.epochs)
        self.progress.seconds = time.perf_counter() - self._started


def backward(
    model: AdaptedModel, split: Split, index: Index, beside: Index, scored: int, draws: Draws, together: Processes
) -> Tensor:
    """Accumulate gradients of the cross-entropy at the positions of rows `index`, summed, over the step's `scored`; that loss, detached.

    So one step is the same however its rows are divided into accumulated batches, and those among processes, each of which takes its
    share of the rows.

    Args:
        beside: rows that it is as long as if they were among them.
        draws: given row numbers, the block in which these rows' random numbers are drawn.
    """
    share = together.share(index)
    weight = sum(len(split.rows[i].targets) for i in share) / scored
    share = share or index[:1]  # with no row of its own a process still takes part in the sum, at weight 0
    # As long as the whole batch, since a prompt may stand behind the padding, and where it stands it draws.
    batch = split.batch(share, beside=(*index, *beside)).to(model.backbone.device)
    with draws(batch.index):
        loss = model.loss(batch) * weight
        loss.backward()
    return loss.detach()


def sum_gradients(parameters: list[nn.Parameter], together: Processes) -> None:
    """Sum gradients over all processes, in one collective. The backward pass has summed those of shards."""
    gradients = [p.grad for p in parameters if p.grad is not None and not is_shard(p)]
    if together.count > 1 and gradients:
        flat = together.sum(torch.cat([gradient.flatten() for gradient in gradients]))
        for gradient, total in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(total.view_as(gradient))


def clip_gradients(parameters: list[nn.Parameter], clip: float | None) -> Tensor:
    """Scale gradients down to the norm `clip`; the norm before that."""
    norm = full(get_total_norm([p.grad for p in parameters if p.grad is not None]))
    clip_grads_with_norm_(parameters, clip if clip is not None else math.inf, norm)
    return norm
