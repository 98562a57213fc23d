"""What a run trained, written for programs that know nothing of lopa-bench: a soft-prompt client's folder, a peft adapter's."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors.torch import save_file

from lopa_bench.config import typed
from lopa_bench.config.class_code import fingerprint
from lopa_bench.config.places import public_name
from lopa_bench.errors import UserError
from lopa_bench.host import checksum
from lopa_bench.host.files import sha256
from lopa_bench.methods.base import SoftPromptMethod
from lopa_bench.methods.soft_prompt import SoftPromptModel

if TYPE_CHECKING:
    from torch import Tensor

    from lopa_bench.config.schema import Config
    from lopa_bench.methods.adapted import AdaptedModel
    from lopa_bench.models.backbone import Backbone

CLIENT_FORMAT = 3  # of client.json


def save_client(model: AdaptedModel, method: SoftPromptMethod, config: Config, folder: Path) -> str:
    """Write `model`'s side of the client into `folder`; what that is, in words.

    client.json, client.safetensors, tokenizer/ and, if the model has an instance encoder, encoder/.
    """
    assert isinstance(model, SoftPromptModel)
    backbone, encoder = model.backbone, model.encoder
    shape = backbone.shape(encoder.width if encoder is not None else 0)
    kind = type(method)
    about = {
        "format": CLIENT_FORMAT,
        "model": called(backbone),
        "revision": backbone.files.revision,
        "weights": backbone.files.fingerprint(),
        "kind": backbone.kind,
        "max_length": config.text_length - (0 if config.generation is None else config.generation.max_new_tokens or 1),
        "encoder_max_length": config.text_length if encoder is None else min(config.text_length, encoder.positions),
        "reads_instance": method.reads_instance,
        "method": {"_target_": f"{kind.__module__}.{kind.__qualname__}", **dataclasses.asdict(method)},
        "shape": dataclasses.asdict(shape),
        "code": fingerprint(kind),
    }
    weights = {f"parts.{name}": value.contiguous() for name, value in model.parts.state_dict().items()}
    embedding = backbone.embedding_table().contiguous()
    save_file({"embedding": embedding, **weights}, folder / "client.safetensors")
    backbone.tokenizer.save_pretrained(folder / "tokenizer")
    if encoder is not None:
        encoder.module.save_pretrained(folder / "encoder")
        encoder.tokenizer.save_pretrained(folder / "encoder")
    about["files"] = {path.relative_to(folder).as_posix(): sha256(path) for path in _client_files(folder)}
    (folder / "client.json").write_text(
        json.dumps(checksum.sealed(about), indent=1) + "\n", encoding="utf-8"
    )  # last: all else is there
    return "a soft-prompt client: lopa_bench.serving.client.SoftPromptClient.load(folder)"


def _client_files(folder: Path) -> list[Path]:
    """All that a client reads but client.json; hidden files, as some file browsers leave there, are not read."""
    inside = (path for name in ("tokenizer", "encoder") for path in (folder / name).rglob("*"))
    read = sorted(path for path in inside if path.is_file() and not path.name.startswith("."))
    return [folder / "client.safetensors", *read]


def check_client(folder: Path, about: Mapping[str, Any]) -> None:
    """Raise `UserError` unless a client's folder holds what was exported, by checksum, and no other file that it would read.

    Args:
        about: what its client.json says.
    """
    if not checksum.unaltered(about):
        raise UserError(f"{folder}: client.json was altered after it was exported; export again")
    written = about["files"]
    for name, expected in written.items():
        if not (folder / name).is_file():
            raise UserError(f"{folder}: {name} is missing; export again")
        if sha256(folder / name) != expected:
            raise UserError(f"{folder}: {name} is not what was exported (its checksum is another); export again")
    for path in _client_files(folder):
        if (name := path.relative_to(folder).as_posix()) not in written:
            raise UserError(f"{folder}: {name} was not exported and would be read; remove it, or export again")


def called(backbone: Backbone) -> str:
    """What the backbone is called in an exported folder, which may leave this machine: never by a folder of it."""
    return public_name(backbone.settings.path, backbone.settings.name)


def client_method(about: Mapping[str, Any]) -> SoftPromptMethod:
    """The method of a client.json. Raises `UserError` for one that writes no soft prompt, or has other code than what was exported."""
    method = typed.build(about["method"], "method")
    kind: type = type(method)
    if about.get("code") not in (
        None,
        fingerprint(kind),
    ):  # None: lopa-bench's own, or exported before it was kept
        raise UserError(f"method={method.name} has other code here than what was exported; take that, or export again")
    if not isinstance(method, SoftPromptMethod):
        raise UserError(f"method={method.name} writes no soft prompt")
    return method


def save_adapter(config: Any, weights: dict[str, Tensor], backbone: Backbone, folder: Path) -> str:
    """Write a peft adapter's `config` (a `PeftConfig`) and weights into `folder`; what that is. The config gets to say for which model."""
    config.base_model_name_or_path, config.revision = called(backbone), backbone.files.revision
    config.save_pretrained(folder)
    save_file(weights, folder / "adapter_model.safetensors")
    return "a peft adapter folder: peft.PeftModel.from_pretrained(backbone, folder)"
