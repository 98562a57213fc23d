"""What a run needs of memory, from shapes alone: its modules on the meta device, and one forward pass there.

Nothing is loaded or computed. What autograd keeps of the pass for the backward one is counted tensor by tensor, so every method and
architecture is measured rather than modelled; only the length of the texts is assumed, at most ``train.max_length``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lopa_bench.config.schema import Config
from lopa_bench.errors import Missing
from lopa_bench.host.shelf import Shelf
from lopa_bench.models import shapes
from lopa_bench.models.files import ModelFiles, locate
from lopa_bench.run.saved import saved_bytes

if TYPE_CHECKING:
    from lopa_bench.methods.adapted import AdaptedModel
    from lopa_bench.models.batches import Batch

GRADIENT, ADAM, FP32 = 4, 8, 4  # bytes of a trained parameter, beside itself
SLACK = 1.3  # fragments, and the operations' own working memory
GPU_SLACK = 1.1  # of blocks that PyTorch's allocator cuts to size (docs/speed.md, "On a GPU")
PROGRAM = (
    580 << 20
)  # of a process before its model: Python and its libraries 470 MiB, a task's texts and tokens about 100 (docs/speed.md)
# Rows of a batch, and tokens of a text, that are reckoned with: what a machine has no room for has none with these either.
MOST_ROWS, MOST_TOKENS = 1 << 16, 1 << 17
LOGITS = 3  # times in fp32: themselves, their logarithms, their gradients; of new tokens, the beams' sums


ESTIMATES: Shelf[Memory] = Shelf(1024)


@dataclass(frozen=True)
class Memory:
    """Bytes.

    Attributes:
        loading: the backbone's weights as they are read, in fp32.
        weights: of backbone, instance encoder and method while it runs.
        training: gradients, AdamW's two moments, and the best epoch's parameters.
        activations: what the forward pass of one batch keeps for the backward pass.
        logits: those that are held at a time, with their gradients.
        writing: keys, values and logits of the texts that are written together.
        gradients: of `training`, what comes as a backward pass goes; none where several batches add to it.
    """

    loading: int
    weights: int
    training: int
    activations: int
    logits: int = 0
    writing: int = 0
    gradients: int = 0

    @property
    def peak(self) -> int:
        """The most that is needed at once: of this machine's GPU, or of its memory where it has none."""
        import torch

        return self.on_gpu() if torch.cuda.is_available() else self.on_cpu()

    def on_cpu(self, program: int = PROGRAM) -> int:
        """With `program` bytes that the process takes beside its model."""
        running = self.weights + self.training + max(self.activations + self.logits, self.writing)
        return program + max(self.loading, round(SLACK * running))

    def on_gpu(self) -> int:
        """Of what PyTorch allocates there. A layer's gradients come when its activations go."""
        kept = self.weights + self.training - self.gradients
        running = kept + max(self.activations + self.logits, self.writing, self.gradients)
        return max(self.loading, round(GPU_SLACK * running))

    @property
    def checkpoint(self) -> int:
        """It has the parameters where `training` has their gradients."""
        return self.training

    @property
    def written(self) -> int:
        """On disk, at the most: two checkpoints, and what is trained."""
        return self.checkpoint * 2 + self.training * FP32 // (GRADIENT + ADAM)


def estimate(config: Config, tokens: int | None = None) -> Memory:
    """What the run of `config` needs, with texts of `tokens` tokens (None: as long as they may be).

    Runs that differ in their task or seed only need the same, which is computed once.

    Raises:
        UserError: a hub model that is neither cached nor one of the paper's.
    """
    classes = list(config.task.label_words.values()) if config.readout == "classifier" else None
    needs = (config.model, config.method, config.train, config.generation, config.precision, config.selection)
    key = repr((*needs, classes, tokens or config.text_length))
    return ESTIMATES.get(key, lambda: _estimate(config, tokens))


def _estimate(config: Config, tokens: int | None) -> Memory:
    import torch

    from lopa_bench.methods.adapted import LOGITS_HELD
    from lopa_bench.models.backbone import resolve_precision
    from lopa_bench.run.model import adapt

    files = model_files(config.model.path, config.model.revision, config)
    dtype = resolve_precision(config.precision, torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    backbone = shapes.build(files, "meta", dtype, replace(config.model, encoder="backbone"))
    loading = FP32 * backbone.model.num_parameters()
    with torch.device("meta"):
        model = adapt(config, backbone).train()
    weights = sum(p.numel() * p.element_size() for p in model.parameters())
    trained = sum(p.numel() for p in model.trainable().values())
    if own_encoder := config.pretrained.get("model.encoder"):
        encoder = model_files(*own_encoder, config)
        own = parameters(encoder)
        weights += own * (FP32 if config.method.trains_encoder else dtype.itemsize)
        trained += own if config.method.trains_encoder else 0
        wide, built = (config.method.parameters(backbone, width) for width in (encoder.width, files.width))
        trained += wide - built
    kept = FP32 if config.selection != "last" else 0
    text = min(tokens or config.text_length, MOST_TOKENS)
    writing = written_bytes(config, files, backbone.vocabulary, text, dtype.itemsize)
    if not trained or not config.train.epochs:
        return Memory(loading, weights, 0, 0, writing=writing)
    rows = batch(config, model, text)
    held = min(len(rows.targets) * backbone.vocabulary, LOGITS_HELD) * LOGITS * FP32
    training = trained * (GRADIENT + ADAM + kept)
    passing = trained * GRADIENT if config.train.accumulate == 1 else 0
    return Memory(loading, weights, training, kept_bytes(config, model, text), held, writing, passing)


def kept_bytes(config: Config, model: AdaptedModel, tokens: int) -> int:
    """The most that a pass over texts of up to `tokens` tokens keeps; shorter ones may keep more (`models.attention`)."""
    import torch

    from lopa_bench.models.attention import FEW_POSITIONS

    short = FEW_POSITIONS - 1 - config.method.prompt_length
    in_fp32 = model.backbone.dtype == torch.bfloat16 and not torch.cuda.is_available()
    lengths = [tokens, short] if in_fp32 and 0 < short < tokens else [tokens]
    return max(saved_bytes(model, batch(config, model, length)) for length in lengths)


def written_bytes(config: Config, files: ModelFiles, vocabulary: int, tokens: int, itemsize: int) -> int:
    """Keys and values, `itemsize` bytes each, and logits of a batch of texts behind inputs of `tokens` tokens; 0 where none are written.

    All beams of a row share its input (`SharedByBeams`), samples do not.
    """
    generation = config.generation
    if generation is None:
        return 0
    samples = generation.num_samples
    beams = generation.num_beams if generation.decoding == "beam" else 1
    inputs = max(1, config.train.eval_batch_size // samples) * samples
    new = generation.max_new_tokens or tokens
    positions = inputs * (config.method.prompt_length + tokens + beams * new)
    return 2 * files.layers * files.key_width * itemsize * positions + inputs * beams * vocabulary * LOGITS * FP32


def model_files(path: str, revision: str | None, config: Config) -> ModelFiles:
    """Where a model's config.json is: on this machine, else among the paper's shapes."""
    try:
        found = locate(path, revision, config.offline)
    except Missing:
        found = None
    return found if found and found.config else shapes.of(path)


def parameters(files: ModelFiles) -> int:
    """The parameters of a model's body; of an architecture that transformers has not, by the closed form of a GPT-2 block."""
    if files.own_code or files.config.get("model_type") == "codesage":
        read = files.config["vocab_size"] + files.config["max_position_embeddings"]
        return int(files.width * (read + files.layers * (12 * files.width + 13) + 2))
    return sum(p.numel() for p in shapes.kept(files).body.parameters())


def batch(config: Config, model: AdaptedModel, tokens: int) -> Batch:
    """A training batch of `tokens` tokens a row on the meta device; of generated text all that may be completion is scored."""
    import torch

    from lopa_bench.models.batches import Batch

    rows = min(config.train.batch_size, MOST_ROWS)
    generation = config.generation
    scored = rows if generation is None else rows * min(tokens, generation.max_new_tokens or tokens // 2)
    with torch.device("meta"):
        long = torch.zeros(rows, tokens, dtype=torch.long)
        position = torch.zeros(scored, dtype=torch.long)
        made = Batch(long[:, 0], long, torch.ones_like(long), position, position, position)
        if model.encoder is not None and model.encoder.frozen:
            made.features = torch.zeros(rows, model.encoder.width)
        elif model.encoder is not None:
            made.encoder_ids, made.encoder_mask = long, torch.ones_like(long)
        return made
