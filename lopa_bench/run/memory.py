"""What a run needs of memory, from shapes alone: its modules on the meta device, and one forward pass there.

Nothing is loaded or computed. What autograd keeps of the pass for the backward one is counted tensor by tensor, so every method and
architecture is measured rather than modelled; only the length of the texts is assumed, at most ``train.max_length``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lopa_bench.config.schema import Config
from lopa_bench.errors import Missing
from lopa_bench.host.shelf import Shelf
from lopa_bench.models import shapes
from lopa_bench.models.files import ModelFiles, locate

if TYPE_CHECKING:
    import torch

    from lopa_bench.methods.adapted import AdaptedModel
    from lopa_bench.models.batches import Batch

GRADIENT, ADAM, FP32 = 4, 8, 4  # bytes of a trained parameter, beside itself
SLACK = 1.3  # fragments, and the operations' own working memory
PROGRAM = (
    580 << 20
)  # of a process before its model: Python and its libraries 470 MiB, a task's texts and tokens about 100 (docs/speed.md)
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
        program: what the process takes beside; of a GPU, where only what PyTorch allocates counts, nothing.
    """

    loading: int
    weights: int
    training: int
    activations: int
    logits: int = 0
    writing: int = 0
    program: int = 0

    @property
    def peak(self) -> int:
        """The most that is needed at once, of the device that the model is on."""
        running = self.weights + self.training + max(self.activations + self.logits, self.writing)
        return self.program + max(self.loading, round(SLACK * running))

    @property
    def written(self) -> int:
        """On disk, at the most: two checkpoints, each with the parameters where `training` has their gradients, and what is trained."""
        return self.training * 2 + self.training * FP32 // (GRADIENT + ADAM)


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
    if config.method.reads_instance and config.model.encoder != "backbone":
        encoder = model_files(config.model.encoder, config.model.encoder_revision, config)
        own = parameters(encoder)
        weights += own * (FP32 if config.method.trains_encoder else dtype.itemsize)
        trained += own if config.method.trains_encoder else 0
        wide, built = (config.method.parameters(backbone, width) for width in (encoder.width, files.width))
        trained += wide - built
    kept = FP32 if config.selection != "last" else 0
    text = tokens or config.text_length
    writing = written_bytes(config, files, backbone.vocabulary, text, dtype.itemsize)
    if not trained or not config.train.epochs:
        return Memory(loading, weights, 0, 0, writing=writing, program=program())
    rows = batch(config, model, text)
    held = min(len(rows.targets) * backbone.vocabulary, LOGITS_HELD) * LOGITS * FP32
    training = trained * (GRADIENT + ADAM + kept)
    return Memory(loading, weights, training, saved_bytes(model, rows), held, writing, program())


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


def program() -> int:
    """Bytes that a run's process takes beside its model, of the device that the model is on."""
    import torch

    return 0 if torch.cuda.is_available() else PROGRAM


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

    rows = config.train.batch_size
    generation = config.generation
    scored = rows if generation is None else rows * min(tokens, generation.max_new_tokens or tokens // 2)
    with torch.device("meta"):
        long = torch.zeros(rows, tokens, dtype=torch.long)
        position = torch.zeros(scored, dtype=torch.long)
        made = Batch(long[:, 0], long, torch.ones_like(long), position, position, position)
        if model.encoder is not None and model.encoder.frozen:
            width: Any = model.encoder.width
            made.features = torch.zeros(rows, width)
        elif model.encoder is not None:
            made.encoder_ids, made.encoder_mask = long, torch.ones_like(long)
        return made


def saved_bytes(model: AdaptedModel, rows: Batch) -> int:
    """Bytes that autograd keeps of the forward pass and loss of `rows`, parameters and buffers left out."""
    import torch

    own = {tensor.untyped_storage()._cdata for tensor in (*model.parameters(), *model.buffers())}
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), _shapes_only(model.backbone.dtype):
        loss = model.loss(rows)
        total = sum(storage.nbytes() for storage in kept.values())
        del loss
    return total


@contextlib.contextmanager
def _shapes_only(dtype: torch.dtype) -> Iterator[None]:
    """What a pass on the meta device needs to keep what one with numbers, in `dtype`, keeps.

    The content of a tensor, where a model asks for it (is this mask all ones?), is 'no'. Matrices are multiplied in `dtype`, as by
    autocast, which meta has not. Attention without dropout is the fused kernel's, which keeps no weights of tokens; on meta PyTorch would
    take the plain one, which does.
    """
    import torch
    from torch import Tensor
    from torch.nn import functional as F
    from torch.overrides import TorchFunctionMode
    from torch.utils._python_dispatch import TorchDispatchMode

    attention = F.scaled_dot_product_attention
    multiplied = {
        F.linear,
        torch.matmul,
        Tensor.matmul,
        Tensor.__matmul__,
        torch.addmm,
        torch.bmm,
        torch.baddbmm,
        attention,
    }

    def lower(given: Any) -> Any:
        return given.to(dtype) if isinstance(given, Tensor) and given.is_meta and given.is_floating_point() else given

    class Autocast(TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            if function in multiplied and dtype != torch.float32:
                args, kwargs = tuple(map(lower, args)), {key: lower(value) for key, value in kwargs.items()}
            if function is attention and args[0].is_meta and not (kwargs.get("dropout_p") or kwargs.get("enable_gqa")):
                settings = {
                    key: kwargs[key] for key in ("is_causal", "scale", "attn_mask") if kwargs.get(key) is not None
                }
                if "attn_mask" in settings:
                    settings["attn_mask"] = settings["attn_mask"].to(args[0].dtype)
                return torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(*args, **settings)[0]
            return function(*args, **kwargs)

    class ShapesOnly(TorchDispatchMode):
        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if function is torch.ops.aten._local_scalar_dense.default and args[0].is_meta:
                return False
            return function(*args, **(kwargs or {}))

    with Autocast(), ShapesOnly():  # type: ignore[no-untyped-call]
        yield
