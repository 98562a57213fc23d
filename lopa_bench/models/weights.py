"""Weight files looked at before anything is loaded: whole, regular, and what their names say. Imports no torch."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

from lopa_bench.errors import UserError

PATTERNS = ("*.safetensors", "pytorch_model*.bin")
WHOLE = ("model.safetensors", "pytorch_model.bin")  # weights in one file
POINTER = b"version https://git-lfs"  # https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
HEADER_BYTES = 100_000_000  # the longest that the safetensors library reads
FLOATS = ("F64", "F32", "F16", "BF16")  # as safetensors names the types of weights that are read as they stand
JSON_BYTES = 64 << 20


def weight_files(folder: Path) -> list[Path]:
    return sorted(path for pattern in PATTERNS for path in folder.glob(pattern))


def index_read(folder: Path) -> Path | None:
    """The file that says which of several files of weights has which tensor, if they are read so.

    As transformers does, safetensors go first: an index of .bin files beside them, which need not be there, is not read.
    """
    for name in WHOLE:
        index = folder / f"{name}.index.json"
        if index.exists() or (folder / name).exists():
            return index if index.exists() else None
    return None


def read_json(path: Path, source: str) -> dict[str, Any]:
    """The object in a model's small JSON file.

    Raises:
        UserError: a file that is missing, no regular file, a Git LFS pointer, or anything but one JSON object.
    """
    size = regular(path, source)
    if size > JSON_BYTES:
        raise UserError(f"{source}: {path.name} has {size >> 20} MiB, which no file of its kind has; download it again")
    _no_pointer(path, source)
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{source}: {path.name} is missing or not JSON; download it again") from error
    if not isinstance(found, dict):
        raise UserError(f"{source}: {path.name} is not a JSON object; download it again")
    return found


def regular(path: Path, source: str) -> int:
    """The size of a regular file, in bytes. A pipe or a device, whose end may never come, raises `UserError`."""
    try:
        status = path.stat()
    except OSError as error:
        raise UserError(f"{source}: {path.name} is missing or cannot be read ({error.strerror})") from error
    if not stat.S_ISREG(status.st_mode):
        raise UserError(f"{source}: {path.name} is not a regular file; download it again")
    return status.st_size


def check_weights(folder: Path, source: str) -> None:
    """Look at the folder's weights without reading them.

    Raises:
        UserError: an adapter in place of a model, a shard that is missing, a Git LFS pointer, half a download, a broken header.
    """
    if (folder / "adapter_config.json").exists():
        raise UserError(
            f"{source} holds a peft adapter (adapter_config.json), which would be put into the model silently; "
            "merge it (peft's merge_and_unload, save_pretrained) or take the model's own folder"
        )
    for path in weight_files(folder):
        regular(path, source)
    for path in _weights_read(folder, source):
        _no_pointer(path, source)
        if path.suffix == ".safetensors":
            _check_safetensors(path, source)


def _weights_read(folder: Path, source: str) -> list[Path]:
    """Those of the weight files that are read: of an index, or the one that goes first; all where there is neither."""
    if index := index_read(folder):
        names = sorted(shards(index, source))
        for name in names:
            if not (folder / name).exists():
                raise UserError(f"{source}: {name}, named in {index.name}, is missing; download it again")
        if (whole := folder / index.name.removesuffix(".index.json")).exists():
            raise UserError(
                f"{source} holds {whole.name} and {index.name}, which may be two models; take one of them away"
            )
        return [folder / name for name in names]
    return next(([folder / name] for name in WHOLE if (folder / name).exists()), weight_files(folder))


def shards(index: Path, source: str) -> set[str]:
    """File names of an index of weights that come in several files."""
    names = read_json(index, source).get("weight_map")
    if not isinstance(names, dict) or not all(isinstance(name, str) and "/" not in name for name in names.values()):
        raise UserError(f"{source}: {index.name} has no weight_map of file names; download it again")
    return set(names.values())


def _no_pointer(path: Path, source: str) -> None:
    size = regular(path, source)
    with path.open("rb") as file:
        if not size or file.read(len(POINTER)) == POINTER:
            what = "is a Git LFS pointer; run `git lfs pull` there" if size else "is empty; download it again"
            raise UserError(f"{source}: {path.name} {what}")


def _check_safetensors(path: Path, source: str) -> None:
    """The format: eight bytes with the header's length, the header, and tensors that end where the file ends."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= HEADER_BYTES:
            raise UserError(f"{source}: {path.name} is not a safetensors file; download it again")
        header = file.read(min(length, size))
    try:
        if len(header) < length:
            raise _cut_short(path, source, size, None)
        tensors = json.loads(header)
        odd = [
            (name, about["dtype"])
            for name, about in tensors.items()
            if name.endswith("weight") and about["dtype"] not in FLOATS
        ]
        ends = [int(about["data_offsets"][1]) for name, about in tensors.items() if name != "__metadata__"]
    except (ValueError, RecursionError, TypeError, KeyError, IndexError, AttributeError, OverflowError) as error:
        raise UserError(f"{source}: {path.name} has a broken safetensors header; download it again") from error
    if odd:
        raise UserError(
            f"{source}: {odd[0][0]} in {path.name} is of type {odd[0][1]}, so the weights are quantised; nothing here was made for such: "
            "take the model that they were made from"
        )
    if (whole := 8 + length + max(ends, default=0)) != size:
        raise _cut_short(path, source, size, whole)


def _cut_short(path: Path, source: str, size: int, whole: int | None) -> UserError:
    wanted = "its header is longer than that" if whole is None else f"its header says {whole}"
    return UserError(f"{source}: {path.name} has {size} bytes and {wanted}: half a download; download it again")
