"""Prefix tuning (Li & Liang 2021) and P-tuning v2 (Liu et al. 2022): learnt keys and values before every layer's own."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Literal

from lopa_bench.config.fields import Count, Size, settings
from lopa_bench.errors import UserError
from lopa_bench.methods.base import Method
from lopa_bench.methods.footprint import Footprint

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor, nn

    from lopa_bench.config.schema import Config
    from lopa_bench.methods.adapted import AdaptedModel
    from lopa_bench.methods.parts import Part, Parts
    from lopa_bench.models.backbone import Backbone
    from lopa_bench.models.shape import Shape


@settings
class PrefixMethod(Method):
    """A method that every layer of the backbone attends to, m positions before the input.

    `prefix_reads` says where a masked LM's answer is read: at the mask, or `shifted` by m, as the authors' GLUE code does. That code adds
    m to the mask's position for every prompt method, though a prefix lengthens no sequence.
    """

    num_virtual_tokens: Size
    prefix_reads: Literal["mask", "shifted"]

    @property
    def prompt_length(self) -> int:
        return self.num_virtual_tokens

    @property
    def fills_cache(self) -> bool:
        return True

    def objection(self, config: Config, shape: Shape) -> str | None:
        beyond = self.prompt_length + config.text_length - shape.window if shape.window and config.generation else 0
        if beyond > 0:  # where rows are padded on the left, the padding stands between prefix and row
            return (
                f"train.max_length={config.train.max_length}: model={config.model.name} has layers that see {shape.window} places, and "
                f"not the prefix of a row padded to more; nearest: train.max_length={config.train.max_length - beyond}, or method=pt"
            )
        if not self.num_virtual_tokens and config.train.epochs:
            return "method.num_virtual_tokens=0: there is nothing to train; nearest: method=none"
        return super().objection(config, shape)

    def unread(self, config: Config) -> Mapping[str, str]:
        if self.prefix_reads == "mask":
            return {}
        if config.task.kind != "classification" or config.readout == "classifier":
            told = "only a masked LM's answer at the mask is read elsewhere; nearest: method.prefix_reads=mask"
            return {"method.prefix_reads": told}
        # Padding is read where a row ends less than m positions behind its mask, and how much there is hangs on the rows beside it.
        return {"train.eval_batch_size": "with method.prefix_reads=shifted answers would hang on it; leave it away"}

    @abstractmethod
    def parts(self, shape: Shape) -> dict[str, Part]:
        """The trainable parameters and modules, by name."""

    @abstractmethod
    def prefix(self, parts: Parts) -> Tensor:
        """Keys and values of all layers, [m, 2·L·K] for keys of width K: key of layer 1, value of layer 1, key of layer 2, …"""

    def adapt(self, backbone: Backbone) -> AdaptedModel:
        from lopa_bench.methods.prefix_model import PrefixModel

        return PrefixModel(backbone, self)

    def added(self, backbone: Backbone, encoder_width: int) -> dict[str, nn.Parameter]:
        from lopa_bench.methods.counts import on_meta

        return dict(on_meta(self.parts, backbone.shape(encoder_width)).named_parameters())

    def footprint(self, backbone: Backbone, encoder_width: int) -> Footprint:
        """The server keeps the prefix itself; a network that wrote it is left behind after training."""
        shape = backbone.shape(encoder_width)
        kept = 2 * self.num_virtual_tokens * shape.layers * shape.key_width
        return Footprint(server=kept, cached=self.num_virtual_tokens)

    def export(self, model: AdaptedModel, config: Config, folder: Path) -> str:
        """A peft prefix adapter. peft has no task type for masked LMs; its feature extraction runs any model as it is.

        Raises:
            UserError: the run reads its answers elsewhere than anybody does who puts the adapter under the model.
        """
        from peft import PrefixTuningConfig, TaskType

        from lopa_bench.methods.export import save_adapter
        from lopa_bench.methods.prefix_model import PrefixModel

        assert isinstance(model, PrefixModel)
        backbone = model.backbone
        if model.reads_padding:
            raise UserError(
                "method.prefix_reads=shifted: the run reads its answers behind the mask, which no other program does; "
                "nearest: a run with method.prefix_reads=mask"
            )
        heads, width = backbone.key_shape or (0, 0)
        config_of_peft = PrefixTuningConfig(
            task_type=TaskType.CAUSAL_LM if backbone.kind == "causal" else TaskType.FEATURE_EXTRACTION,
            inference_mode=True,
            num_virtual_tokens=self.num_virtual_tokens,
            num_layers=backbone.config.num_hidden_layers,
            num_attention_heads=heads,
            token_dim=heads * width,
        )
        prefix = self.prefix(model.parts).detach().contiguous()
        return save_adapter(config_of_peft, {"prompt_embeddings": prefix}, backbone, folder)

    export_peft = export


@settings
class PTuningV2(PrefixMethod):
    """The keys and values are the parameters, m · 2·L·K of them, drawn from N(0, 1) (peft and the P-tuning v2 code)."""

    def parts(self, shape: Shape) -> dict[str, Part]:
        from lopa_bench.methods.heads import soft_prompt

        return {"z": soft_prompt(self.num_virtual_tokens, 2 * shape.layers * shape.key_width)}

    def prefix(self, parts: Parts) -> Tensor:
        return parts.z


@settings
class PrefixTuning(PrefixMethod):
    """The keys and values are written by an MLP over m learnt vectors: Linear(K→`mlp_width`) → tanh → Linear(→ 2·L·K)."""

    mlp_width: Count

    def parts(self, shape: Shape) -> dict[str, Part]:
        from torch import nn

        from lopa_bench.methods.heads import soft_prompt

        width, outputs = shape.key_width, 2 * shape.layers * shape.key_width
        mlp = nn.Sequential(nn.Linear(width, self.mlp_width), nn.Tanh(), nn.Linear(self.mlp_width, outputs))
        return {"z": soft_prompt(self.num_virtual_tokens, width), "mlp": mlp}

    def prefix(self, parts: Parts) -> Tensor:
        return parts.mlp(parts.z)
