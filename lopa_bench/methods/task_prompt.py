"""The task prompt Z_S, one for all instances, and what it starts from. Imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from lopa_bench.config.fields import settings
from lopa_bench.errors import UserError
from lopa_bench.methods.base import SoftPromptMethod

if TYPE_CHECKING:
    from lopa_bench.config.schema import Config
    from lopa_bench.methods.parts import Part, Parts
    from lopa_bench.models.backbone import Backbone
    from lopa_bench.models.shape import Shape


@settings
class TaskPromptMethod(SoftPromptMethod):
    """A soft prompt that is Z_S, [M, D], or made with it.

    `init` says what Z_S starts from: `normal`, N(0, 1) (the authors' code) · `vocab`, the embeddings of tokens drawn with the run's seed ·
    `text`, those of `init_text`, repeated or cut to M tokens (both Lester et al. 2021).
    """

    init: Literal["normal", "vocab", "text"] = "normal"
    init_text: str | None = None

    def objection(self, config: Config, shape: Shape) -> str | None:
        if self.init == "text" and not (self.init_text or "").strip():
            return "method.init=text: there is no text; give method.init_text=…, or take method.init=vocab"
        if self.init != "text" and self.init_text is not None:
            return f"method.init_text={self.init_text}: is read with method.init=text only, not {self.init}; nearest: method.init=text"
        return super().objection(config, shape)

    def parts(self, shape: Shape) -> dict[str, Part]:
        from lopa_bench.methods.heads import soft_prompt

        return {"z_s": soft_prompt(self.num_virtual_tokens, shape.width)}

    def start(self, parts: Parts, backbone: Backbone) -> None:
        import torch

        if self.init == "normal" or backbone.tokenizer is None:  # without weights there is nothing to start from
            return
        m, tokenizer = self.num_virtual_tokens, backbone.tokenizer
        if self.init == "vocab":
            ids = torch.randint(len(tokenizer), (m,)).tolist()
        else:
            ids = tokenizer(self.init_text, add_special_tokens=False)["input_ids"]
            if not ids:
                raise UserError(f"method.init_text={self.init_text!r}: holds no token of this model's vocabulary")
        chosen = torch.tensor([ids[i % len(ids)] for i in range(m)], device=backbone.device)
        with torch.no_grad():
            parts.z_s.copy_(backbone.embed(chosen))
