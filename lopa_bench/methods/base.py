"""What every method is. Imports no torch: a wrong hyperparameter is answered before torch is loaded.

A method file therefore imports torch inside its functions. One that imports it at the top works too, only its errors come later.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from lopa_bench.config.fields import Count, Name, settings
from lopa_bench.errors import UserError
from lopa_bench.methods.footprint import Footprint

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

    from lopa_bench.config.schema import Config
    from lopa_bench.methods.adapted import AdaptedModel
    from lopa_bench.methods.instance_encoder import InstanceEncoder
    from lopa_bench.methods.parts import Part, Parts
    from lopa_bench.methods.probe import InstanceProbe
    from lopa_bench.models.backbone import Backbone
    from lopa_bench.models.batches import Batch
    from lopa_bench.models.shape import Shape

    PromptWriter = Callable[[Tensor | None, Tensor], Tensor]

Pooling = Literal["first", "mean"]
Trains = Literal["nothing", "own", "backbone"]


@settings
class Method(ABC):
    """Hyperparameters that can adapt a backbone, and the facts that the rest of the program asks of a method.

    Each fact has the value here that fits a method inside the backbone with parameters of its own.
    """

    section: ClassVar[str] = "method"  # of a config: what it is made of must be derived from this class
    name: Name

    @property
    def trains(self) -> Trains:
        """What is trained: nothing, parameters of the method's own, or all of the backbone's."""
        return "own"

    @property
    def prompt_length(self) -> int:
        """Positions of the backbone's input that the method takes."""
        return 0

    @property
    def search_epochs(self) -> int:
        """Epochs of training before those of `train.epochs`, in which it is found what these train."""
        return 0

    @property
    def fills_cache(self) -> bool:
        """Whether the method puts keys and values into the backbone's cache."""
        return False

    @property
    def reads_instance(self) -> bool:
        """Whether it reads the instance through an instance encoder."""
        return self.features_from is not None

    @property
    def features_from(self) -> Pooling | None:
        """Which of the instance encoder's states are f(x): the first token's, or the mean over tokens; None where there is no encoder."""
        return None

    @property
    def trains_encoder(self) -> bool:
        """Whether the instance encoder is trained too."""
        return False

    @property
    def written_by(self) -> frozenset[str]:
        """The generators that can write with it: transformers' `generate` runs any model as it is; an engine takes only some."""
        return frozenset({"transformers"})

    @property
    def adapter_rank(self) -> int | None:
        """The rank of the LoRA adapter that `export` writes, or None."""
        return None

    def unread(self, config: Config) -> Mapping[str, str]:
        """Settings, as dotted keys, that a run of this config does not read, or only as its recipe has them, with what to do."""
        return {}

    def objection(self, config: Config, shape: Shape) -> str | None:
        """What of `config` cannot work with this method on models of this shape, in one line with the nearest way out, or None."""
        return shape.objection(self.features_from)

    @abstractmethod
    def adapt(self, backbone: Backbone) -> AdaptedModel:
        """Put the method's parameters around or inside the backbone and freeze what it does not train."""

    def added(self, backbone: Backbone, encoder_width: int) -> dict[str, nn.Parameter]:
        """The parameters that would be trained, an instance encoder's left out, on the meta device; `backbone` stays as it is."""
        from lopa_bench.methods.counts import added_to_a_copy

        return added_to_a_copy(self, backbone)

    def parameters(self, backbone: Backbone, encoder_width: int) -> int:
        """How many `added` are, beside an instance encoder of this width, as the paper counts."""
        return sum(p.numel() for p in self.added(backbone, encoder_width).values())

    def footprint(self, backbone: Backbone, encoder_width: int) -> Footprint:
        """What a customisation with this method leaves at server and client."""
        if self.trains == "backbone":
            return Footprint(own_backbone=True)
        added = self.added(backbone, encoder_width).values()
        weights = sum(p.numel() for p in added if p.dim() == 2)
        return Footprint(server=sum(p.numel() for p in added), server_weights=weights)

    def frozen_layers(self, layers: int) -> int:
        """How many of the backbone's lowest `layers` see nothing that is trained: neither gradients nor the method's tokens are there."""
        return 0

    def server_flops(self, shape: Shape, tokens: int) -> int:
        """Multiplications and additions of the server, once a request of so many tokens, that are none of its layers'."""
        return 0

    def client_flops(self, shape: Shape, tokens: int) -> int:
        """Multiplications and additions of the client, once a request of so many tokens, an instance encoder's left out."""
        import torch

        from lopa_bench.methods.counts import flops

        with torch.device("meta"):
            writer = self.prompt_writer(shape)
            features = torch.empty(1, shape.encoder_width) if self.reads_instance else None
            embeds = torch.empty(1, tokens, shape.width)
        return flops(lambda: writer(features, embeds)) if writer is not None else 0

    def prompt_writer(self, shape: Shape) -> PromptWriter | None:
        """What a client computes before it asks the server, None where that is nothing.

        From an instance encoder's features, [B, E] or None, and the embedded input, [B, T, D]: what is sent, [B, M + T, D].
        """
        return None

    def probe(self, model: AdaptedModel) -> InstanceProbe | None:
        """What `model`'s prompts are asked for, to be exchanged between instances; None: no prompt depends on the instance."""
        return None

    def keep(self, model: AdaptedModel, batch: Batch, labels: Sequence[str]) -> dict[str, bytes]:
        """Files that a run keeps of its `model` beside the trained parameters, made of a batch of test rows with these gold labels."""
        return {}

    def export(self, model: AdaptedModel, config: Config, folder: Path) -> str:
        """Write what `model` was trained to be into `folder` for use elsewhere; what that is. Raises `UserError` where nothing reads it."""
        own = "what was trained, if anything, is in the run's trained.safetensors"
        raise UserError(f"method={self.name}: there is nothing to export that another program reads; {own}")

    def export_peft(self, model: AdaptedModel, config: Config, folder: Path) -> str:
        """Write a folder that `peft.PeftModel.from_pretrained` reads, like `export`. Raises `UserError` where peft has no such method."""
        other = "nor is there another form" if type(self).export is Method.export else "nearest: form=own"
        raise UserError(f"form=peft: peft has nothing like method={self.name}; {other}")


@settings
class SoftPromptMethod(Method):
    """A method whose only contact with the backbone is a soft prompt in the embedded input: X = [Z ; X_e].

    `position` says where it stands: before the input (the paper) · after its first token · behind its last.
    """

    num_virtual_tokens: Count
    position: Literal["prefix", "suffix", "after_first"] = "prefix"

    @property
    def prompt_length(self) -> int:
        return self.num_virtual_tokens

    @property
    def written_by(self) -> frozenset[str]:
        return frozenset({"transformers", "vllm"})

    def objection(self, config: Config, shape: Shape) -> str | None:
        if self.position == "suffix" and shape.kind == "causal":
            return (
                f"method.position=suffix: the answer of task={config.task.name} stands behind the input of a causal LM; "
                "nearest: method.position=prefix"
            )
        return super().objection(config, shape)

    @abstractmethod
    def parts(self, shape: Shape) -> dict[str, Part]:
        """The trainable parameters and modules, by name."""

    @abstractmethod
    def prompt(self, parts: Parts, features: Tensor | None, batch_size: int) -> Tensor:
        """The soft prompt Z, [B, M, D], from `parts` and the instance features f(x), [B, E]."""

    def features_of_input(self, parts: Parts, embeds: Tensor, instance: Tensor) -> Tensor | None:
        """f(x), [B, E], of a method that reads the instance without an encoder; None: it reads none, or with an encoder.

        Args:
            embeds: the word embeddings of the input's tokens, [B, T, D].
            instance: [B, T], bool: which of them are the instance, and neither padding nor a completion.
        """
        return None

    def embedding_update(self, parts: Parts, embeds: Tensor, positions: Tensor) -> Tensor | None:
        """What is added to the word embeddings `embeds` of the instance, [B, T, D]; `positions`, [B, T], count from 0. None: nothing."""
        return None

    def learning_rates(self) -> dict[str, float]:
        """Learning rates of those parts that have their own."""
        return {}

    def start(self, parts: Parts, backbone: Backbone) -> None:
        """Put what the parts take of the backbone's own weights into them, before training."""

    def encoder(self, backbone: Backbone) -> InstanceEncoder | None:
        """The instance encoder beside `backbone`, or None."""
        return None

    def adapt(self, backbone: Backbone) -> AdaptedModel:
        from lopa_bench.methods.soft_prompt import SoftPromptModel

        backbone.freeze()
        model = SoftPromptModel(backbone, self, self.encoder(backbone))
        self.start(model.parts, backbone)
        return model

    def added(self, backbone: Backbone, encoder_width: int) -> dict[str, nn.Parameter]:
        from lopa_bench.methods.counts import on_meta

        return dict(on_meta(self.parts, backbone.shape(encoder_width)).named_parameters())

    def footprint(self, backbone: Backbone, encoder_width: int) -> Footprint:
        """The parts are the client's, and the server reads the prompt."""
        return Footprint(client=self.parameters(backbone, encoder_width), tokens=self.prompt_length)

    def prompt_writer(self, shape: Shape) -> PromptWriter | None:
        from lopa_bench.methods.soft_prompt import prompt_writer

        return prompt_writer(self, shape)

    def export(self, model: AdaptedModel, config: Config, folder: Path) -> str:
        from lopa_bench.methods.export import save_client

        return save_client(model, self, config, folder)
