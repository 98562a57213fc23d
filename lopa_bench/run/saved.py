"""What autograd keeps of a forward pass for the backward one, counted on the meta device, where nothing is loaded or computed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from lopa_bench.methods.adapted import AdaptedModel
    from lopa_bench.models.batches import Batch


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

    hooks = torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor)
    step = model.backbone.dropout.drawing(0, 0, torch.arange(len(rows.input_ids), device=rows.input_ids.device))
    with hooks, _shapes_only(model.backbone.dtype), step:
        loss = model.loss(rows)
        total = sum(storage.nbytes() for storage in kept.values())
        del loss
    return total


@contextlib.contextmanager
def _shapes_only(dtype: torch.dtype) -> Iterator[None]:
    """What a pass on the meta device needs to keep what one with numbers, in `dtype`, keeps.

    The content of a tensor, where a model asks for it (is this mask all ones?), is 'no'. Matrices are multiplied in `dtype`, as by
    autocast, which meta has not. Attention without dropout is the fused kernel's, which keeps no weights of tokens; on meta PyTorch would
    take the plain one, which does. Of few positions it keeps its inputs in fp32 on a CPU (`models.attention`), and with dropout it is the
    plain one everywhere (`models.dropout.RowDropout`).
    """
    import torch
    from torch import Tensor
    from torch.nn import functional as F
    from torch.overrides import TorchFunctionMode
    from torch.utils._python_dispatch import TorchDispatchMode

    from lopa_bench.models.attention import FEW_POSITIONS

    attention, on_cpu = F.scaled_dot_product_attention, not torch.cuda.is_available()
    multiplied = {
        F.linear,
        torch.matmul,
        Tensor.matmul,
        Tensor.__matmul__,
        torch.addmm,
        torch.bmm,
        torch.baddbmm,
        torch.einsum,
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
                few = on_cpu and max(each.shape[-2] for each in args[:2]) < FEW_POSITIONS
                inputs = [each.float() if few else each for each in args]
                if "attn_mask" in settings:
                    settings["attn_mask"] = settings["attn_mask"].to(inputs[0].dtype)
                kernel = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
                return kernel(*inputs, **settings)[0].to(args[0].dtype)
            return function(*args, **kwargs)

    class ShapesOnly(TorchDispatchMode):
        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if function is torch.ops.aten._local_scalar_dense.default and args[0].is_meta:
                return False
            return function(*args, **(kwargs or {}))

    with Autocast(), ShapesOnly():  # type: ignore[no-untyped-call]
        yield
