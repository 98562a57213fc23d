"""How much work a run is: rows, tokens, FLOPs, GPU-hours. From shapes; nothing is loaded."""

from __future__ import annotations

from lopa_bench.config.schema import Config
from lopa_bench.errors import UserError
from lopa_bench.models import shapes
from lopa_bench.models.flops import forward_flops
from lopa_bench.run.memory import model_files, parameters
from lopa_bench.tasks.base import Size
from lopa_bench.tasks.rows import HOLDOUT_FRACTION
from lopa_bench.tasks.sources import EMBEDDED

BACKWARD = 1  # of the forward pass: gradients of the activations; another one for those of all weights
DECODING = 0.1  # of the throughput: one token at a time, the device waits for its memory


def flops(config: Config) -> tuple[int, int]:
    """Multiplications and additions of reading (training and its evaluations), and of writing one token after the other.

    Raises:
        UserError: the task does not say how large it is.
    """
    files = model_files(config.model.path, config.model.revision, config)
    backbone = shapes.kept(files)
    size, generation = config.task.about.size, config.generation
    if size is None:
        raise UserError(
            f"task.about.size={{train: …, test: …, input: …, completion: …}} is needed to estimate the work of task={config.task.name}: "
            "rows, and mean tokens of a row"
        )
    causal, prompt = backbone.kind == "causal", config.method.prompt_length

    def forward(tokens: int) -> int:
        tokens = min(tokens, config.text_length) + prompt
        return forward_flops(backbone.body, backbone.config, tokens, tokens, causal)

    train, selected, test = _rows(config, size)
    layers = backbone.config.num_hidden_layers
    backward = BACKWARD * (layers - config.method.frozen_layers(layers)) / layers
    passes = 1 + backward + (config.method.trains == "backbone")
    epochs = config.method.search_epochs + config.train.epochs
    reading = round(epochs * train * passes * forward(size.input + size.completion))
    answered = test + config.train.epochs * config.train.evaluations * selected
    if config.method.reads_instance:
        own = config.pretrained.get("model.encoder")
        encoder = model_files(*own, config) if own else files
        anew = config.method.trains_encoder  # in every pass; else its features are kept
        read = epochs * train * 3 + answered if anew else train + selected + test
        reading += 2 * parameters(encoder) * size.input * read
    if generation is None:
        return reading + answered * forward(size.input), 0
    beams = generation.num_beams if generation.decoding == "beam" else 1
    new = min(generation.max_new_tokens or 2 * size.completion, 2 * size.completion)
    writing = answered * max(generation.num_samples, beams) * new * 2 * backbone.model.num_parameters()
    return reading + answered * forward(size.input), writing


def _rows(config: Config, size: Size) -> tuple[int, int, int]:
    """How many are trained on, scored after an epoch, and reported.

    No size says how many rows a source's own validation split has: as many as are reported, say.
    """
    train, test = (min(rows, config.data.limit or rows) for rows in (size.train, size.test))
    train = min(train, config.data.train_limit or train)
    if config.selection != "holdout":
        return train, 0 if config.selection == "last" else test, test
    if _own_validation(config):
        selected = test
    else:
        selected = round(HOLDOUT_FRACTION * train)
        train -= selected
    wanted = config.generation.select_rows if config.generation else None
    return train, min(selected, wanted or selected), test


def _own_validation(config: Config) -> bool:
    """Whether the source has a validation split, so that none is held out of train."""
    data, task = config.data, config.task
    if data.own:
        return data.validation is not None
    if data.source in EMBEDDED:
        return True
    return bool(task.hub and task.hub.validation) if data.source == "hub" else "validation" in task.files


def hours(reading: int, writing: int, tflops: float) -> float:
    """Of these `flops` on a device that multiplies `tflops` · 10¹² times a second, about."""
    return (reading + writing / DECODING) / (tflops * 1e12) / 3600
