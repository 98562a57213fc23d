"""How much work a run is: rows, tokens, FLOPs, GPU-hours. From shapes; nothing is loaded."""

from __future__ import annotations

from lopa_bench.config.schema import Config
from lopa_bench.errors import UserError
from lopa_bench.models import shapes
from lopa_bench.models.flops import forward_flops
from lopa_bench.run.memory import model_files, parameters

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

    train, test = (min(rows, config.data.limit or rows) for rows in (size.train, size.test))
    train = min(train, config.data.train_limit or train)
    layers = backbone.config.num_hidden_layers
    backward = BACKWARD * (layers - config.method.frozen_layers(layers)) / layers
    passes = 1 + backward + (config.method.trains == "backbone")
    epochs = config.method.search_epochs + config.train.epochs
    reading = round(epochs * train * passes * forward(size.input + size.completion))
    if config.method.reads_instance:
        own = config.pretrained.get("model.encoder")
        encoder = model_files(*own, config) if own else files
        reading += (
            2
            * parameters(encoder)
            * size.input
            * (train + test)
            * (config.train.epochs * 3 if config.method.trains_encoder else 1)
        )
    evaluations = 0 if config.selection == "last" else config.train.epochs * config.train.evaluations
    if generation is None:
        return reading + (1 + evaluations) * test * forward(size.input), 0
    selected = min(generation.select_rows or test, test) if config.selection == "holdout" else test
    answered = test + evaluations * selected
    beams = generation.num_beams if generation.decoding == "beam" else 1
    new = min(generation.max_new_tokens or 2 * size.completion, 2 * size.completion)
    writing = answered * max(generation.num_samples, beams) * new * 2 * backbone.model.num_parameters()
    return reading + answered * forward(size.input), writing


def hours(reading: int, writing: int, tflops: float) -> float:
    """Of these `flops` on a device that multiplies `tflops` · 10¹² times a second, about."""
    return (reading + writing / DECODING) / (tflops * 1e12) / 3600
