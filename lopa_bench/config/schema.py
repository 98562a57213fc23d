"""The types of a run's settings: what each section of conf/config.yaml may hold. Imports no torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pydantic
from pydantic import Field

from lopa_bench.config.fields import (
    Count,
    Folder,
    FolderAtHome,
    Fraction,
    Length,
    Name,
    NonNegative,
    Penalty,
    Period,
    Positive,
    Size,
    Temperature,
    folder,
    settings,
)

if TYPE_CHECKING:  # the sections whose classes conf/ names; annotations alone, so that this room needs none of theirs
    from lopa_bench.methods.base import Method
    from lopa_bench.run.trackers.base import Tracker
    from lopa_bench.tasks.base import Task


@settings
class Data:
    """Where the rows come from.

    Attributes:
        limit: rows to keep of each split, its first.
        train_limit: rows to keep of the training split, evenly spaced.
        skip_broken: leave out rows that cannot be read or used, of the reported split too; the result says how many.
        train, validation, test: files of the user's own in place of the task's, below `dir` where that is given; `validation` may
            be absent.
    """

    source: Literal["mini", "mini_fresh", "files", "hub"]
    dir: FolderAtHome | None
    limit: Count | None
    train_limit: Count | None = None
    skip_broken: bool = False
    train: Folder | None = None
    validation: Folder | None = None
    test: Folder | None = None

    @property
    def own(self) -> bool:
        """Whether the rows are in files that the user has named."""
        return any((self.train, self.validation, self.test))


@settings
class Model:
    """The pretrained backbone and the instance encoder beside it.

    Attributes:
        precision: of a run that does not say its own.
        label_words: a task's label word -> the word that stands for it with this model, whose vocabulary has not the first as one token.
        trust_remote_code: whether modelling code that comes with a checkpoint, rather than with transformers, is run.
    """

    path: Folder  # before the name that is made of it, so that it is told of first
    name: Name
    revision: str | None
    kind: Literal["masked", "causal", "auto"]
    encoder: Folder
    encoder_revision: str | None
    lora_targets: Annotated[list[str], Field(min_length=1)] | None
    precision: Literal["fp32", "bf16", "auto"] = "fp32"
    trust_remote_code: bool = False
    label_words: dict[str, str] = Field(default_factory=dict)


@settings
class Models:
    """Where models that have a name are: folders below `dir` that are called so."""

    dir: Folder | None = None


@settings
class Train:
    """How long and how fast. docs/speed.md and docs/sweeps.md say what `accumulate`, `bucket` and the last three are for.

    Attributes:
        encoder_lr: of an instance encoder that is trained; None: `lr`, as in the authors' code.
        warmup: a fraction of all steps. clip: the largest gradient norm.
        accumulate: batches per optimiser step. bucket: batches of rows of like length.
        evaluations: of the selection split in an epoch, evenly spaced. The last, at its end, selects; the others draw the curve alone.
        compile: `torch.compile` for the training forward and backward pass.
        gradient_checkpointing: keep each layer's input only and compute the layer again in the backward pass.
        shard: divide the model, and gradients and optimiser state of its size, among the run's processes (FSDP).
    """

    epochs: Size
    batch_size: Count
    eval_batch_size: Count
    lr: NonNegative
    weight_decay: NonNegative
    warmup: Fraction
    schedule: Literal["constant", "linear"]
    max_length: Length
    clip: Positive | None
    accumulate: Count
    bucket: bool
    encoder_lr: NonNegative | None = None
    evaluations: Count = 1
    compile: bool = False  # runs from before the option read the same
    gradient_checkpointing: bool = False
    shard: bool = False


@settings
class Generation:
    """How a causal model writes, and how much of it.

    Attributes:
        max_new_tokens: None: what a row's input leaves of the text length.
        temperature, top_p: of `decoding=sample`. num_beams, length_penalty: of `decoding=beam`.
        num_samples: texts a row (pass@k needs k of them).
        count_prompt: virtual tokens are taken out of ``train.max_length``.
        select_rows: how many rows of the selection split are written after each epoch; None writes all.
        generator: who writes; None is transformers.
    """

    decoding: Literal["greedy", "sample", "beam"]
    max_new_tokens: Count | None
    temperature: Temperature
    top_p: Annotated[float, pydantic.Field(gt=0, le=1)]
    num_samples: Count
    num_beams: Count
    length_penalty: Penalty
    count_prompt: bool
    select_rows: Count | None
    generator: Literal["vllm"] | None = None


@settings
class Sandbox:
    """What tasks that run programs are told of the machine."""

    allow_unsafe: bool


@settings
class Run:
    """The top-level keys.

    Attributes:
        checkpoint_every: seconds.
        wait: of a sweep: for the runs that other processes do. detach: leave the sweep's jobs in the queue.
        instance_rows: None: all of a classification's, `generation.select_rows` of what is written.
    """

    seed: Annotated[int, Field(ge=0, le=2**32 - 1)]  # numpy takes no more
    selection: Literal["holdout", "paper", "last"]
    precision: Literal["fp32", "bf16", "auto"]
    readout: Literal["label_words", "classifier"] = "label_words"
    init_from: FolderAtHome | None = None
    results_dir: Annotated[Path, pydantic.BeforeValidator(folder)]
    force: bool
    offline: bool
    checkpoint_every: Period
    wait: bool = True
    detach: bool = False
    instance_rows: Size | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config(Run):
    """Everything one run is told. `run(config)` depends on nothing else."""

    scale: str
    recipe: str
    data: Data
    model: Model
    train: Train
    generation: Generation | None  # None for a task with label words
    method: Method
    task: Task
    tracker: Tracker
    resolved: Mapping[str, Any]  # the same as plain values, as written to config.yaml

    @property
    def pretrained(self) -> dict[str, tuple[str, str | None]]:
        """The models that the run reads: key of the config -> path and revision; an instance encoder where it is one of its own."""
        found = {"model.path": (self.model.path, self.model.revision)}
        if self.method.reads_instance and self.model.encoder != "backbone":
            found["model.encoder"] = (self.model.encoder, self.model.encoder_revision)
        return found

    @property
    def text_length(self) -> int:
        """Tokens that input and completion may have together."""
        taken = self.method.prompt_length if self.generation and self.generation.count_prompt else 0
        return self.train.max_length - taken
