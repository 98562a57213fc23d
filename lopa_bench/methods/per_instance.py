"""What every method is whose prompt is another one for each instance. Imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lopa_bench.config.fields import settings
from lopa_bench.methods.base import SoftPromptMethod

if TYPE_CHECKING:
    from torch import Tensor

    from lopa_bench.methods.adapted import AdaptedModel
    from lopa_bench.methods.parts import Parts
    from lopa_bench.methods.probe import InstanceProbe


@settings
class PromptPerInstance(SoftPromptMethod):
    """A soft prompt Z written from features f(x), so that prompts can be exchanged between instances."""

    def task_part(self, parts: Parts, mean: Tensor) -> Tensor:
        """Z with the instance part off, [M', D]; `mean`, [M, D], is that of Z over instances, for a method that has no other task part."""
        return mean

    def probe(self, model: AdaptedModel) -> InstanceProbe | None:
        from lopa_bench.methods.probe import InstanceProbe
        from lopa_bench.methods.soft_prompt import SoftPromptModel

        assert isinstance(model, SoftPromptModel)
        return InstanceProbe(model, self.task_part)
