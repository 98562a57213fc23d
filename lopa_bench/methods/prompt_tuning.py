"""Prompt tuning (Lester et al. 2021): one learnt soft prompt, Z = Z_S, for every instance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lopa_bench.config.fields import settings
from lopa_bench.methods.task_prompt import TaskPromptMethod

if TYPE_CHECKING:
    from torch import Tensor

    from lopa_bench.methods.parts import Parts


@settings
class PromptTuning(TaskPromptMethod):
    """m · d parameters, drawn from N(0, 1) as in the authors' code."""

    def prompt(self, parts: Parts, features: Tensor | None, batch_size: int) -> Tensor:
        return parts.z_s.expand(batch_size, -1, -1)
