"""A model that one device cannot hold, divided among the processes: where all of it is trained, with its gradients and AdamW's moments.

Of a frozen backbone the layers are divided; embeddings, head and what is trained are few and whole in every process. This is FSDP (Zhao
et al. 2023, arXiv:2304.11277) as `torch.distributed.fsdp.fully_shard` does it: each process keeps a slice of every parameter, of its
gradient and its optimiser state; a layer is gathered for the time of its forward and of its backward pass. Whatever leaves the processes
(checkpoints, trained parameters) is whole, so that a run goes on in any number of them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor, Shard, distribute_tensor
from transformers.modeling_layers import GradientCheckpointingLayer

from lopa_bench.errors import UserError
from lopa_bench.models.layers import layer_list

if TYPE_CHECKING:
    from lopa_bench.host.processes import Processes
    from lopa_bench.methods.adapted import AdaptedModel

DIVIDED = ("parameters", "best", "optimizer")  # what of a checkpoint is as large as the model


def shard(model: AdaptedModel, together: Processes) -> None:
    """Divide `model`'s parameters among all processes, layer by layer, and move it to their devices.

    What is trained is gathered in fp32 in a bf16 run too, whose arithmetic is then autocast's as without shards.

    Raises:
        UserError: a frozen backbone whose layers are not known.
    """
    mesh = init_device_mesh(together.device.type, (together.count,))
    if all(p.requires_grad for p in model.parameters()):
        _shard_all(model, mesh)
    else:
        _shard_layers(model, mesh)
    model.to(together.device)


def _shard_layers(model: AdaptedModel, mesh: DeviceMesh) -> None:
    """A frozen backbone's layers, each gathered when all processes compute with it (`in_step`)."""
    backbone, trained = model.backbone, set(model.trainable().values())
    layers = layer_list(backbone.body, backbone.config.num_hidden_layers)
    if layers is None:
        raise UserError(
            f"train.shard=true: {type(backbone.model).__name__} is no list of layers; nearest: train.shard=false"
        )
    for layer in layers:
        fully_shard(layer, mesh=mesh, reshard_after_forward=True, ignored_params=trained)
    if model.encoder is not None:
        model.encoder.stored = model.encoder.module is not backbone.body


def _shard_all(model: AdaptedModel, mesh: DeviceMesh) -> None:
    """All of a model that is trained, the embeddings and the head together."""
    for module in model.modules():
        if isinstance(module, GradientCheckpointingLayer):
            fully_shard(module, mesh=mesh)
    fully_shard(model, mesh=mesh)
    for unit in _units(model):  # losses are weighted so that gradients add up; the default is their mean
        unit.set_gradient_divide_factor(1.0)
        unit.set_force_sum_reduction_for_comms(True)
    for name in ("generate", "loss"):
        register_fsdp_forward_method(model, name)


def _units(model: nn.Module) -> list[FSDPModule]:
    return [module for module in model.modules() if isinstance(module, FSDPModule)]


def is_shard(tensor: Tensor) -> bool:
    """Whether this process holds only a part of `tensor`."""
    return isinstance(tensor, DTensor)


def full(tensor: Tensor) -> Tensor:
    """All of `tensor`, in every process."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def in_step(model: AdaptedModel) -> bool:
    """Whether every process has to run the model when any does, as with a frozen backbone's shards: all do all of the work then."""
    return bool(_units(model)) and not isinstance(model, FSDPModule)


@contextlib.contextmanager
def gathered(model: AdaptedModel) -> Iterator[None]:
    """All of `model` in every process for the time of the block, so that each evaluates its own rows without waiting for the others."""
    if not isinstance(model, FSDPModule):
        yield
        return
    model.set_reshard_after_forward(False)
    for unit in _units(model):
        unit.unshard()
    yield
    for unit in _units(model):
        unit.reshard()
    with contextlib.suppress(AttributeError):  # of a process that has not run the model yet: it had no row to evaluate
        model.reset_iter_state()  # FSDP has noted forward passes that no backward pass follows, others in each process
    model.set_reshard_after_forward(True)
    model.set_reshard_after_forward(False, recurse=False)  # the backward pass starts with the head


def whole(state: Any, together: Processes) -> Any:
    """`state` with the shards in its dictionaries put together: on the CPU of the main process, an empty tensor in the others."""
    if isinstance(state, dict):
        return {key: whole(value, together) for key, value in state.items()}
    if is_shard(state):
        all_of_it = full(state.detach())
        return all_of_it.cpu() if together.main else all_of_it.new_empty(0)
    return state


def load_shards(
    model: AdaptedModel, load: Callable[[], dict[str, Any] | None], together: Processes
) -> dict[str, Any] | None:
    """What `load` loads in the main process, in all of them; of what is as large as a sharded model, each process's slices."""
    if not isinstance(model, FSDPModule):
        return together.first(load)
    read: dict[str, Any] = {}

    def outline() -> dict[str, Any]:
        read.update(load() or {})
        return {key: _outline(value) if key in DIVIDED else value for key, value in read.items()}

    state = together.first(outline)
    first = next(model.parameters())
    assert isinstance(first, DTensor)
    mesh = first.device_mesh
    for key in filter(state.__contains__, DIVIDED):
        state[key] = _scatter(state[key], read.get(key), mesh)
    return state


def _outline(value: Any) -> Any:
    """The same with tensors that hold no values."""
    if isinstance(value, dict):
        return {key: _outline(part) for key, part in value.items()}
    return value.to("meta") if isinstance(value, Tensor) and value.dim() else value


def _scatter(outline: Any, value: Any, mesh: DeviceMesh) -> Any:
    """Slices of the main process's tensors, one tensor after the other; `value` is None in the other processes."""
    if isinstance(outline, dict):
        return {key: _scatter(part, value and value[key], mesh) for key, part in outline.items()}
    if not (isinstance(outline, Tensor) and outline.is_meta):
        return outline
    full = torch.empty_like(outline, device=mesh.device_type) if value is None else value.to(mesh.device_type)
    return distribute_tensor(full, mesh, [Shard(0)])
