"""What methods add to models, counted on the meta device: all shapes and no numbers."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import torch
from torch import nn

from lopa_bench.methods.parts import Part, Parts

if TYPE_CHECKING:
    from lopa_bench.methods.base import Method
    from lopa_bench.models.backbone import Backbone
    from lopa_bench.models.shape import Shape


def added_to_a_copy(method: Method, backbone: Backbone) -> dict[str, nn.Parameter]:
    """What `method` trains in a copy of `backbone`, which lies on the meta device, an instance encoder's parameters left out."""
    with torch.device("meta"):
        return method.adapt(copy.deepcopy(backbone)).added()


def flops(compute: Callable[[], object]) -> int:
    """Multiplications and additions of the matrix products in what `compute` does, as torch counts them."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        compute()
    return int(counter.get_total_flops())


def on_meta(parts: Callable[[Shape], Mapping[str, Part]], shape: Shape) -> Parts:
    """A method's parts for models of this shape."""
    with torch.device("meta"):
        return Parts(parts(shape))
