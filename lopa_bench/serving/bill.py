"""What each method costs the server and the client, for one customisation and for many.

A soft prompt, and the encoder that writes it, live at the client: the server keeps one untouched backbone however many customisations it
serves. LoRA, adapters, prefixes and fine-tuned weights live at the server, once per customisation.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from lopa_bench.config.compose import load_config
from lopa_bench.config.files import choices, is_choice
from lopa_bench.config.places import name_of
from lopa_bench.methods.base import Method
from lopa_bench.methods.paper_values import at_scale, task_for
from lopa_bench.models import shapes
from lopa_bench.models.files import ModelFiles, locate
from lopa_bench.models.flops import forward_flops

if TYPE_CHECKING:
    from lopa_bench.models.backbone import Backbone
    from lopa_bench.serving.latency import Latency

CUSTOMISATIONS = (1, 100, 10_000)
BYTES = 4  # of a parameter, fp32


@dataclasses.dataclass
class Cost:
    """One method on one model, for a request of one text.

    Attributes:
        server_bytes, client_bytes: per customisation; shared_bytes: one for all of a client's customisations, its instance encoder and
            the word embeddings that a soft prompt stands beside.
        backbones: copies of the backbone at the server per customisation (1 for fine-tuning) instead of one for all.
        tokens: more tokens that the server reads; cached: more positions that its layers attend to.
        server_flops, client_flops: of a forward pass, beyond the bare backbone's.
        server_ms, client_ms: measured on this machine, beyond the bare backbone's; None where not measured.
        server_ms_spread, client_ms_spread: half of the interquartile range of what was measured.
    """

    method: str
    server_bytes: int = 0
    client_bytes: int = 0
    shared_bytes: int = 0
    backbones: bool = False
    tokens: int = 0
    cached: int = 0
    server_flops: int = 0
    client_flops: int = 0
    server_ms: float | None = None
    client_ms: float | None = None
    server_ms_spread: float | None = None
    client_ms_spread: float | None = None

    def with_latency(self, latency: Latency) -> Cost:
        """The same with what was measured."""
        client_ms, client_ms_spread = latency.client or (None, None)
        server_ms, server_ms_spread = latency.server
        return dataclasses.replace(
            self,
            server_ms=server_ms,
            client_ms=client_ms,
            server_ms_spread=server_ms_spread,
            client_ms_spread=client_ms_spread,
        )

    def at_server(self, backbone_bytes: int, customisations: int) -> int:
        """Bytes, the backbone's included."""
        if self.backbones:
            return backbone_bytes * customisations
        return backbone_bytes + self.server_bytes * customisations

    def at_client(self, customisations: int) -> int:
        return self.shared_bytes + self.client_bytes * customisations


def find(model: str) -> ModelFiles:
    """A shipped shape by name, an embedded model (mini:…) or a folder."""
    if model.startswith(("mini:", ".")) or "/" in model:
        return locate(model, None, offline=True)
    return shapes.files(model)


def encoder_of(model: str, files: ModelFiles) -> ModelFiles:
    """The model that reads the instance: the one that conf/model says, else, as in a run with model=local, `model` itself."""
    name = name_of("model", model)
    encoder = load_config([f"model={name}"]).model.encoder if is_choice("model", name) else "backbone"
    return files if encoder == "backbone" else shapes.of(encoder)


def methods(model: str) -> list[Method]:
    """Every method with its hyperparameters, at paper scale for the paper's models, else at the embedded one.

    One that only classifies has none for a model to which the paper gives text to write.
    """
    if model in shapes.names():
        found = [at_scale(name, "paper", model) for name in choices("method")]
        return [method for method in found if method.written_by or "label_words" in task_for(model)]
    return [load_config(["task=rte", f"method={name}"]).method for name in choices("method")]


def cost(method: Method, backbone: Backbone, encoder: Backbone, tokens: int) -> Cost:
    """The closed-form part of a method's cost, from modules on the meta device."""
    body, config, causal = backbone.body, backbone.config, backbone.kind == "causal"
    left = method.footprint(backbone, encoder.width)
    reads = method.reads_instance
    bare = forward_flops(body, config, tokens, tokens, causal)
    extra = left.tokens + left.cached
    added = forward_flops(body, config, tokens + left.tokens, tokens + extra, causal) - bare
    layers, shape = config.num_hidden_layers, backbone.shape(encoder.width)
    server = added * (layers - method.frozen_layers(layers)) // layers  # a body is its layers, one like another
    read = min(tokens, encoder.files.positions)  # the instance is cut to what its encoder reads
    held: list[Any] = [encoder.body] if reads else []
    held += [backbone.model.get_input_embeddings()] if method.prompt_writer(shape) is not None else []
    instance = forward_flops(encoder.body, encoder.config, read, read, False) if reads else 0
    return Cost(
        method.name,
        server_bytes=left.server * BYTES,
        client_bytes=left.client * BYTES,
        shared_bytes=sum(p.numel() for each in held for p in each.parameters()) * BYTES,
        backbones=left.own_backbone,
        tokens=left.tokens,
        cached=left.cached,
        server_flops=server + 2 * tokens * left.server_weights + method.server_flops(shape, tokens),
        client_flops=method.client_flops(shape, tokens) + instance,
    )
