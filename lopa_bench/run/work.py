"""How much work a run is: rows, tokens, FLOPs, GPU-hours. From shapes; nothing is loaded."""

from __future__ import annotations

from dataclasses import dataclass

from lopa_bench.config.schema import Config
from lopa_bench.methods.whole_model import FullFineTuning
from lopa_bench.models import shapes
from lopa_bench.models.flops import forward_flops
from lopa_bench.run.memory import model_files, parameters

BACKWARD = 1  # of the forward pass: gradients of the activations; another one for those of all weights
DECODING = 0.1  # of the throughput: one token at a time, the device waits for its memory


@dataclass(frozen=True)
class Size:
    """Rows of train and the reported split, mean tokens of an input and of a completion."""

    train: int
    test: int
    input: int
    completion: int


# Of the whole data sets (GLUE's published sizes; QNLI, MNLI and QQP have their mean tokens from a sample of 1,500 rows).
SIZES = {
    "rte": Size(2_490, 277, 75, 1),
    "mrpc": Size(3_668, 408, 57, 1),
    "sst2": Size(67_349, 872, 20, 1),
    "qnli": Size(104_743, 5_463, 53, 1),
    "mnli": Size(392_702, 9_815, 45, 1),
    "qqp": Size(363_846, 40_430, 34, 1),
    "mbpp": Size(487, 487, 122, 55),
    "cruxeval_i": Size(400, 400, 355, 33),
    "cruxeval_o": Size(400, 400, 331, 33),
    "e2e": Size(42_061, 630, 30, 22),
    "webnlg": Size(18_102, 1_862, 23, 13),
}


def flops(config: Config) -> tuple[int, int]:
    """Multiplications and additions of reading (training and its evaluations), and of writing one token after the other."""
    files = model_files(config.model.path, config.model.revision, config)
    backbone = shapes.build(files, "meta")
    size, generation = SIZES[config.task.name], config.generation
    causal, prompt = backbone.kind == "causal", config.method.prompt_length

    def forward(tokens: int) -> int:
        tokens = min(tokens, config.text_length) + prompt
        return forward_flops(backbone.body, backbone.config, tokens, tokens, causal)

    train, test = (min(rows, config.data.limit or rows) for rows in (size.train, size.test))
    train = min(train, config.data.train_limit or train)
    passes = 1 + BACKWARD + isinstance(config.method, FullFineTuning)
    reading = config.train.epochs * train * passes * forward(size.input + size.completion)
    if config.method.reads_instance:
        encoder = (
            model_files(config.model.encoder, config.model.encoder_revision, config)
            if config.model.encoder != "backbone"
            else files
        )
        frozen = getattr(config.method, "freeze_encoder", True)
        reading += 2 * parameters(encoder) * size.input * (train + test) * (1 if frozen else config.train.epochs * 3)
    evaluations = {"last": 0, "paper": config.train.epochs, "holdout": config.train.epochs}[config.selection]
    if generation is None:
        return reading + (1 + evaluations) * test * forward(size.input), 0
    selected = min(generation.select_rows or test, test)
    texts = (test + evaluations * selected) * max(generation.num_samples, generation.num_beams)
    new = min(generation.max_new_tokens or 2 * size.completion, 2 * size.completion)
    reading += (test + evaluations * selected) * forward(size.input)
    return reading, texts * new * 2 * backbone.model.num_parameters()


def hours(config: Config, tflops: float) -> float:
    """Of one run on a device that multiplies `tflops` · 10¹² times a second, about."""
    reading, writing = flops(config)
    return (reading + writing / DECODING) / (tflops * 1e12) / 3600
