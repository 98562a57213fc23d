"""The training loop, the same for every method and task."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lopa_bench.config.schema import Train
from lopa_bench.errors import Interrupted, RunFailed
from lopa_bench.host import signals
from lopa_bench.host.device import seed_draws
from lopa_bench.host.processes import Processes
from lopa_bench.methods.adapted import AdaptedModel
from lopa_bench.metrics.metric import Metric, Scores
from lopa_bench.models.batches import Split
from lopa_bench.run.checkpoint import Checkpoints
from lopa_bench.run.gradients import backward, clip_gradients, sum_gradients
from lopa_bench.run.losses import LossLog
from lopa_bench.run.monitor import Monitor
from lopa_bench.run.progress import Progress
from lopa_bench.run.schedule import learning_rate_factor
from lopa_bench.run.shard import load_shards, whole

State = dict[str, Tensor]

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
    keep_end: bool = False,
) -> Progress:
    """Train `model` in place on `split`; afterwards it holds the selected epoch's parameters.

    A model that searches first (`search_epochs`) begins anew with what it has found: another optimiser, another schedule.

    Args:
        evaluate: scores of the selection split, called after every epoch of the training itself, and within it where
            `settings.evaluations` asks for more; None keeps the last epoch.
        metric: whose score selects; the first of equal epochs wins.
        keep_end: save a checkpoint at the end, too: what follows takes long.

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
                if evaluate is not None and training.within_epoch():
                    training.scored(evaluate, monitor)
                training.boundary(received)
            training.losses.flush()
            if evaluate is not None and progress.epoch >= model.search_epochs:
                training.keep_if_best(training.scored(evaluate, monitor), metric)
            training.next_epoch()
            training.boundary(received, over=keep_end and progress.epoch == training.epochs)
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
        evaluations = min(settings.evaluations, self._epoch_steps)
        self._points = {round(place * self._epoch_steps / evaluations) for place in range(1, evaluations)}
        self.epochs = model.search_epochs + settings.epochs
        self.total_steps = self._epoch_steps * self.epochs
        self._begin(model.search_epochs or settings.epochs)
        self.progress, self.best = Progress(), State()
        self._started = time.perf_counter()
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

    def boundary(self, received: list[int], over: bool = False) -> None:
        """Between two steps: save a checkpoint if it is time, or `over`, or if a signal in `received` asks to stop, and stop."""
        stop, due = self.together.any(bool(received), self.together.main and self.checkpoints.due)
        if stop or over or due:
            now = whole(self.state(), self.together)
            with (
                suppress(RunFailed) if stop else nullcontext()
            ):  # who asks is told that it stops: the one before is there
                self.together.first(lambda: self.checkpoints.save(now))
            [stop] = self.together.any(bool(received))  # it may have come meanwhile
        if stop:
            raise Interrupted(*received)

    def steps(self) -> Iterator[None]:
        """Do the optimiser steps that are left of the epoch, one between two yields."""
        settings, progress = self.settings, self.progress
        batches = self.split.shuffled(settings.batch_size, self.seed, progress.epoch, settings.bucket)
        self.model.train()  # all of it: a backbone is loaded in evaluation mode
        while progress.batch < len(batches):
            self._step(batches[progress.batch : progress.batch + settings.accumulate])
            yield
            if not self.model.training:  # who evaluates between two steps leaves it so
                self.model.train()

    def _step(self, group: list[list[int]]) -> None:
        """One optimiser step on the rows of `group`, a list of batches."""
        progress, parameters = self.progress, list(self.parameters.values())
        scored = sum(len(self.split.rows[i].targets) for index in group for i in index)
        backbone = self.model.backbone
        # For what draws otherwise than by rows: a plug-in's method.
        seed_draws(self.seed * 1_000_003 + progress.step, backbone.device)
        draws = partial(backbone.dropout.drawing, self.seed, progress.step)
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

    def within_epoch(self) -> bool:
        """Whether an evaluation is due after this step that is not the one at the epoch's end."""
        return (
            self.progress.epoch >= self.model.search_epochs and self.progress.step % self._epoch_steps in self._points
        )

    def scored(self, evaluate: Callable[[], Scores], monitor: Monitor) -> Scores:
        """The selection split's scores now, which go into the history too."""
        self.losses.flush()
        with monitor.counting("scoring the epoch"):
            scores = evaluate()
        self.progress.history[-1].update(scores)
        monitor.scores(self.progress, scores)
        return scores

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
