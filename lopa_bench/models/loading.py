"""A model exactly as its files say: every weight from the file, every weight of the file used, all of them finite."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.utils import logging as transformers_logging

from lopa_bench.errors import UserError
from lopa_bench.models.files import ModelFiles
from lopa_bench.models.hub import loading

# What torch.compile, DDP, FSDP and activation checkpointing put into the names of the weights that they wrap.
WRAPPERS = r"(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\."
_WRAPPED = {rf"^module\.(?:{WRAPPERS})?": "", rf"(^|\.){WRAPPERS}": r"\1"}
# Tables that models once kept in their files and now compute.
_COMPUTED = re.compile(
    r"(^|\.)(inv_freq|position_ids|token_type_ids|masked_bias|causal_mask|(attn|attention)\.bias|embed_positions)$"
)


def cast_weights(model: PreTrainedModel, dtype: torch.dtype) -> None:
    """What the model's files hold, in `dtype`, as transformers loads it.

    Numbers that the model computes for itself (a rotary embedding's frequencies, which bf16 would turn by more the farther a token stands)
    and weights that the family names (DeepSeek-V3's router) stay in fp32.
    """
    kept: set[str] = getattr(model, "_keep_in_fp32_modules_strict", None) or set()
    for name, tensor in model.state_dict(keep_vars=True).items():
        if tensor.is_floating_point() and not any(f".{part}." in f".{name}." for part in kept):
            tensor.data = tensor.data.to(dtype)


def quieten() -> None:
    """What transformers says while it loads is left out: a run shows its own progress, and what lacks in a model is refused here."""
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()


def load_model(auto_class: Any, key: str, files: ModelFiles, dtype: torch.dtype, trust_remote_code: bool) -> Any:
    """The model of `files` that transformers' `auto_class` makes, in evaluation mode.

    An LM must have its head (its own or tied to the embeddings). A body alone, as an instance encoder, may come from an LM's files.

    Raises:
        UserError: files that do not load, weights that are missing, left over, of another shape, infinite or NaN; named by `key`.
    """
    quieten()
    options = files.options(trust_remote_code)
    source = f"{key}={files.source}"

    def load(**more: Any) -> tuple[PreTrainedModel, dict[str, Any]]:
        with loading(source, files.own_code):  # shapes that differ are refused below, by name
            found: tuple[PreTrainedModel, dict[str, Any]] = auto_class.from_pretrained(
                files.source, dtype=dtype, output_loading_info=True, ignore_mismatched_sizes=True, **options, **more
            )
            return found

    model, report = load()
    if any(re.search(pattern, name) for pattern in _WRAPPED for name in report["unexpected_keys"]):
        model, report = load(key_mapping=_WRAPPED)
    _check_report(model, report, source)
    _check_finite(model, source)
    return model


def _check_report(model: PreTrainedModel, report: dict[str, Any], source: str) -> None:
    name = type(model).__name__
    mismatched = sorted(report["mismatched_keys"])
    if mismatched:
        weight, kept, wanted = mismatched[0]
        raise UserError(
            f"{source}: {weight} is {tuple(kept)} in the file and {tuple(wanted)} by config.json{_more(mismatched)}; "
            "the two belong to different models: download both again"
        )
    missing = sorted(key for key in report["missing_keys"] if not _unread(model, key))
    if missing:
        raise UserError(
            f"{source}: the file has no {missing[0]}{_more(missing)}, which {name} needs; it would be drawn at random: "
            "take a folder with the whole model (with its LM head if it is the backbone)"
        )
    left = sorted(key for key in report["unexpected_keys"] if not _of_another_head(model, key))
    if left:
        raise UserError(
            f"{source}: {name} as config.json describes it has no place for {left[0]}{_more(left)} of the file; "
            "the two belong to different models: download both again"
        )


def _more(names: list[Any]) -> str:
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""


def _unread(model: PreTrainedModel, key: str) -> bool:
    """Whether a body's output does not depend on this weight: a pooler's, which features do not pass."""
    return model.base_model is model and key.split(".")[0] in {"pooler", "sequence_summary"}


def _of_another_head(model: PreTrainedModel, key: str) -> bool:
    """Whether a weight that the model does not have belongs to a pooler or to another head, and not to a layer."""
    if _COMPUTED.search(key):
        return True
    inside = key.removeprefix(f"{model.base_model_prefix}.")
    if inside != key or hasattr(model.base_model, inside.split(".")[0]):
        return inside.startswith("pooler.")
    return _foreign_module(model, key)


def _foreign_module(model: nn.Module, key: str) -> bool:
    """Whether `key`'s path leaves the model at a module that is not there, by a name and not by a layer's number."""
    module: nn.Module | None = model
    *path, _ = key.split(".")
    for part in path:
        assert module is not None
        module = dict(module.named_children()).get(part)
        if module is None:
            return not part.isdigit()
    return False


def _check_finite(model: PreTrainedModel, source: str) -> None:
    for name, weight in model.named_parameters():
        if weight.is_floating_point() and not weight.isfinite().all():
            raise UserError(
                f"{source}: {name} holds NaN or infinity, so no number it gives means anything; download it again"
            )
