"""LoRA (Hu et al. 2022), DoRA (Liu et al. 2024) and VeRA (Kopiczko et al. 2024) on the attention's query, key and value, from peft."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from lopa_bench.config.fields import Count, Fraction, Positive, Size, settings
from lopa_bench.config.nearest import hint
from lopa_bench.errors import UserError
from lopa_bench.methods.base import Method
from lopa_bench.methods.footprint import Footprint

if TYPE_CHECKING:
    from pathlib import Path

    from peft import PeftConfig
    from torch import Tensor, nn

    from lopa_bench.config.schema import Config
    from lopa_bench.methods.adapted import AdaptedModel
    from lopa_bench.models.backbone import Backbone

# The names of query, key and value in the architectures of the paper; a fused projection carries all three.
TARGET_NAMES = (
    {"query", "key", "value"},  # BERT, RoBERTa
    {"q_proj", "k_proj", "v_proj"},  # Llama, Phi
    {"qkv_proj"},  # Phi-3, CodeGen
    {"c_attn"},  # GPT-2
)


@settings
class PeftAdapter(Method):
    """An adapter of peft inside the backbone, which starts as the backbone."""

    @abstractmethod
    def peft_config(self, targets: list[str], transposed: bool) -> PeftConfig:
        """What peft is told: the layers by name, and whether their weights are stored transposed."""

    def adapt(self, backbone: Backbone) -> AdaptedModel:
        from peft import get_peft_model

        from lopa_bench.methods.adapted import AdaptedModel

        backbone.freeze()
        targets = self._targets(backbone)
        layers = [name for name, _ in backbone.model.named_modules() if name]
        for target in targets:  # peft leaves out a name that is no layer's where another is
            if not target or not any(f".{name}".endswith(f".{target}") for name in layers):
                near = hint(target, {name.rsplit(".", 1)[-1] for name in layers})
                raise UserError(
                    f"model.lora_targets={targets}: the model has no layer {target or 'without a name'}"
                    f"{near or _linear_layers(backbone.model)}"
                )
        try:
            with warnings.catch_warnings():  # peft asks transformers by a name that will go
                warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
                get_peft_model(backbone.model, self._config(backbone))  # changes the model; the wrapper is not needed
        except ValueError as error:
            raise UserError(
                f"model.lora_targets={targets}: peft adapts no such layers{_linear_layers(backbone.model)}"
            ) from error
        for parameter in backbone.model.parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.float()
        return AdaptedModel(backbone)

    def _targets(self, backbone: Backbone) -> list[str]:
        return backbone.settings.lora_targets or default_targets(backbone.model)

    def _config(self, backbone: Backbone) -> PeftConfig:
        return self.peft_config(self._targets(backbone), backbone.config.model_type == "gpt2")

    def export(self, model: AdaptedModel, config: Config, folder: Path) -> str:
        from lopa_bench.methods.export import save_adapter

        peft_config = self._config(model.backbone)
        peft_config.inference_mode = True
        # backbone.model.X.lora_A.default.weight -> base_model.model.X.lora_A.weight, as peft writes it
        names = {n: "base_model" + n.removeprefix("backbone").replace(".default", "") for n in model.trainable()}
        weights = {names[n]: p.detach().contiguous() for n, p in model.trainable().items()}
        return save_adapter(peft_config, {**weights, **self.frozen(model)}, model.backbone, folder)

    export_peft = export

    def frozen(self, model: AdaptedModel) -> dict[str, Tensor]:
        """What belongs to the adapter and is not trained, by peft's names."""
        return {}


@settings
class Lora(PeftAdapter):
    """W + (alpha / rank) · B A with A, B of rank `rank`, B = 0 at the start; with `use_dora` the norms of its rows are trained apart."""

    rank: Count
    alpha: Positive
    dropout: Fraction
    use_dora: bool = False

    @property
    def written_by(self) -> frozenset[str]:
        return frozenset({"transformers"} if self.use_dora else {"transformers", "vllm"})

    @property
    def adapter_rank(self) -> int | None:
        return None if self.use_dora else self.rank

    def peft_config(self, targets: list[str], transposed: bool) -> PeftConfig:
        from peft import LoraConfig

        return LoraConfig(
            r=self.rank,
            lora_alpha=self.alpha,  # type: ignore[arg-type]  # peft divides it by the rank
            lora_dropout=self.dropout,
            use_dora=self.use_dora,
            target_modules=targets,
            fan_in_fan_out=transposed,
        )


@settings
class Vera(PeftAdapter):
    """W + diag(b) B diag(d) A with one frozen random pair A, B of rank `rank`; each layer's b, 0 at the start, and d are trained."""

    rank: Count
    dropout: Fraction
    projection_seed: Size

    def peft_config(self, targets: list[str], transposed: bool) -> PeftConfig:
        from peft import VeraConfig

        return VeraConfig(
            r=self.rank,
            vera_dropout=self.dropout,
            projection_prng_key=self.projection_seed,
            target_modules=targets,
            fan_in_fan_out=transposed,
        )

    def frozen(self, model: AdaptedModel) -> dict[str, Tensor]:
        pair: Any = next(module for module in model.backbone.modules() if hasattr(module, "vera_lambda_b"))
        return {f"base_model.{name}": getattr(pair, name)["default"].contiguous() for name in ("vera_A", "vera_B")}

    def footprint(self, backbone: Backbone, encoder_width: int) -> Footprint:
        """A customisation is the vectors; but the server multiplies each token with A and B at every layer."""
        added = self.added(backbone, encoder_width)
        outputs = [p.numel() for name, p in added.items() if "vera_lambda_b" in name]
        weights = sum(self.rank * (size + backbone.config.hidden_size) for size in outputs)
        return Footprint(server=sum(p.numel() for p in added.values()), server_weights=weights)


def default_targets(model: nn.Module) -> list[str]:
    """The first set of query, key and value names that `model` has."""
    present = {name.rsplit(".", 1)[-1] for name, _ in model.named_modules()}
    for names in TARGET_NAMES:
        if names <= present:
            return sorted(names)
    raise UserError(
        "model.lora_targets is needed: the names of the attention's query, key and value layers in this architecture"
        f"{_linear_layers(model)}"
    )


def _linear_layers(model: nn.Module) -> str:
    """``; its linear layers are …``: the last parts of the names of those that peft adapts."""
    kinds = {"Linear", "Conv1D"}  # the second is GPT-2's
    names = {name.rsplit(".", 1)[-1] for name, layer in model.named_modules() if type(layer).__name__ in kinds}
    return f"; its linear layers are {', '.join(sorted(names))}"
