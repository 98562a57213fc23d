"""What every method is. Imports no torch: a wrong hyperparameter is answered before torch is loaded.

A method file therefore imports torch inside its functions. One that imports it at the top works too, only its errors come later.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal

from lopa_bench.config.fields import Count, Fraction, settings
from lopa_bench.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

    from lopa_bench.config.schema import Config
    from lopa_bench.methods.adapted import AdaptedModel
    from lopa_bench.models.backbone import Backbone
    from lopa_bench.models.shape import Shape

    Part = nn.Module | nn.Parameter

PEFT_FOLDER = "a peft adapter folder: peft.PeftModel.from_pretrained(backbone, folder)"


@settings
class Method(ABC):
    """Hyperparameters that can adapt a backbone."""

    section: ClassVar[str] = "method"  # of a config: what it is made of must be derived from this class
    name: str

    @property
    def prompt_length(self) -> int:
        """Positions of the backbone's input that the method takes."""
        return 0

    @property
    def reads_instance(self) -> bool:
        """Whether the prompt depends on the instance, through an instance encoder."""
        return False

    @property
    def trains_backbone(self) -> bool:
        """Whether all of the backbone's parameters are trained."""
        return False

    def check(self, shape: Shape) -> str | None:
        """What of these hyperparameters does not fit a backbone of this shape, or None."""
        return None

    @abstractmethod
    def adapt(self, backbone: Backbone) -> AdaptedModel:
        """Put the method's parameters around or inside the backbone and freeze what it does not train."""

    def export(self, model: AdaptedModel, config: Config, folder: Path) -> str:
        """Write what `model` was trained to be into `folder`, in a form that is used without lopa-bench; what that is, in words.

        Raises:
            UserError: a method with nothing that another program reads.
        """
        raise UserError(f"method={self.name}: there is nothing to export that another program reads")


@settings
class SoftPromptMethod(Method):
    """A method whose only contact with the backbone is a soft prompt before the embedded input: X = [Z ; X_e]."""

    num_virtual_tokens: Count

    @property
    def prompt_length(self) -> int:
        return self.num_virtual_tokens

    @abstractmethod
    def parts(self, shape: Shape) -> dict[str, Part]:
        """The trainable parameters and modules, by name."""

    @abstractmethod
    def prompt(self, parts: nn.Module, features: Tensor | None, batch_size: int) -> Tensor:
        """The soft prompt Z, [B, M, D], from `parts` and the instance features f(x), [B, E]."""

    def embedding_update(self, parts: nn.Module, positions: Tensor) -> Tensor | None:
        """What is added to the word embeddings of the input's tokens `positions`, [B, T] counted from 0 -> [B, T, D]; None: nothing."""
        return None

    def learning_rates(self) -> dict[str, float]:
        """Learning rates of those parts that have their own."""
        return {}

    def adapt(self, backbone: Backbone) -> AdaptedModel:
        from lopa_bench.methods.soft_prompt import SoftPromptModel

        return SoftPromptModel(backbone, self)

    def export(self, model: AdaptedModel, config: Config, folder: Path) -> str:
        from lopa_bench.methods.export import save_client

        save_client(model, config, folder)
        return "a soft-prompt client: lopa_bench.serving.client.SoftPromptClient.load(folder)"


@settings
class InstancePromptMethod(SoftPromptMethod):
    """A soft prompt written for each instance by heads over an instance encoder's features f(x).

    `head_size` H is the heads' hidden width ("encoder": as wide as the encoder). `pooling` says which features: the first token's
    (the paper) or the mean over tokens. With `freeze_encoder=false` the encoder is trained too, as the authors' GLUE code does.
    """

    head_size: Count | Literal["encoder"]
    dropout: Fraction
    pooling: Literal["first", "mean"]
    freeze_encoder: bool

    @property
    def reads_instance(self) -> bool:
        return True

    def hidden(self, shape: Shape) -> int:
        """H as a number."""
        return shape.encoder_width if self.head_size == "encoder" else self.head_size
