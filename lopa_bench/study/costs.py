"""What a planned run takes of time and memory. Of the tables' own runs it is shipped, so that a plan answers without building a model.

``costs.csv`` is made by ``scripts/costs.py``; tests make its lines anew. A run that has no line there (other hyperparameters, a model of
one's own) is estimated when it is asked for, as every run was when the file was made.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping
from dataclasses import astuple, dataclass, replace
from functools import cache
from pathlib import Path

from lopa_bench.config.schema import Config
from lopa_bench.run import memory, work
from lopa_bench.run.memory import Memory

FILE = Path(__file__).with_name("costs.csv")
FIELDS = (
    "run",
    "reading_flops",
    "writing_flops",
    "loading",
    "weights",
    "training",
    "activations",
    "logits",
    "writing",
    "gradients",
)


@dataclass(frozen=True)
class Cost:
    """Of one run.

    Attributes:
        reading, writing: FLOPs, as `work.flops` has them.
        memory: bytes.
    """

    reading: int
    writing: int
    memory: Memory

    def hours(self, tflops: float) -> float:
        """On a device that multiplies `tflops` · 10¹² times a second, about."""
        return work.hours(self.reading, self.writing, tflops)


def cost(config: Config) -> Cost:
    """What the run of `config` takes.

    Raises:
        UserError: a task without a size; a hub model that is neither cached nor one of the paper's.
    """
    found = shipped().get(key(config)) if config.precision != "auto" else None  # which this machine decides
    return found or estimated(config)


def estimated(config: Config) -> Cost:
    """`cost` from the model's shape."""
    return Cost(*work.flops(config), memory.estimate(config))


@cache
def shipped() -> Mapping[str, Cost]:
    """By `key`."""
    with FILE.open(encoding="utf-8", newline="") as file:
        _, *lines = csv.reader(file)
    return {
        name: Cost(int(reading), int(writing), Memory(*map(int, memory_of_it)))
        for name, reading, writing, *memory_of_it in lines
    }


def line(config: Config) -> list[str | int]:
    """That of `FIELDS` in the file."""
    made = estimated(config)
    return [key(config), made.reading, made.writing, *astuple(made.memory)]


def key(config: Config) -> str:
    """A digest of all that a run's cost follows from: its settings without seed, names and rates, the models' shapes, the task's size."""
    shapes = [memory.model_files(*named, config).config for named in config.pretrained.values()]
    targets = (config.model.kind, config.model.lora_targets)
    rows = (config.data.limit, config.data.train_limit, config.task.about.size)
    train = replace(config.train, lr=0.0, encoder_lr=None)
    run = (config.method, train, config.generation, config.precision, config.selection, config.text_length)
    answers = (config.readout, list(config.task.label_words.values()))
    return hashlib.sha256(repr((shapes, *targets, *run, *answers, rows)).encode()).hexdigest()[:16]
