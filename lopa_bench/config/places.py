"""Where models with a name are: in a folder of folders (``models.dir=DIR``), else on the hub."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lopa_bench.config import files
from lopa_bench.errors import UserError

KEYS = {
    "model": "path",
    "encoder": "encoder",
}  # group of conf/ -> the key of its files, and of a config's `model`, that says which model


def name_of(group: str, source: str) -> str:
    """The name in conf/`group` of the model at `source`, a hub id; of a folder its own name; else `source` itself."""
    for name in files.choices(group):
        if files.read(f"{group}/{name}").get(KEYS[group]) == source:
            return name
    return folder_name(source) if is_place(source) else source


def folder_name(path: str) -> str:
    """What the model in a folder is called: as the folder is where it was named; in the hub's cache, whose folders are hashes, as there."""
    place = Path(os.path.abspath(os.path.expanduser(path)))  # of a link its own name, not its target's
    if place.parent.name == "snapshots":  # models--OWNER--NAME/snapshots/HASH
        return place.parent.parent.name.rpartition("--")[2]
    return place.name


def placed(values: Mapping[str, Any]) -> dict[str, Any]:
    """A config's values with the folders below ``models.dir`` in place of the hub ids of the models that they are named after.

    Raises:
        UserError: no such folder, or another model in the place of one that has a name.
    """
    model, folder = dict(values["model"]), values["models"]["dir"]
    _check_path(model["name"], model["path"])
    if folder is not None and not Path(folder).expanduser().is_dir():
        raise UserError(f"models.dir={folder}: there is no such folder")
    for group, key in KEYS.items():
        source = model[key]
        if is_place(source) or source == "backbone":
            continue
        name = model["name"] if group == "model" else name_of(group, source)
        if folder is not None and (found := Path(folder).expanduser() / name).is_dir():
            model[key] = str(found)
    return {**values, "model": model}


def _check_path(name: str, path: str) -> None:
    """Raise `UserError` for another model in the place of one that has a name, unless its folder is called so (model=local is)."""
    usual = files.read(f"model/{name}").get("path", path) if files.is_choice("model", name) else path
    place = Path(path).expanduser()
    if path != usual and {name, usual.rpartition("/")[2]}.isdisjoint({place.absolute().name, place.resolve().name}):
        copy = "" if usual.startswith("mini:") else f"; a copy of {name}: models.dir=DIR with a folder DIR/{name}"
        raise UserError(f"model.path={path}: model={name} is {usual}; nearest: model=local model.path={path}{copy}")


def how_to_get(key: str, source: str, revision: str | None) -> str:
    """How the model of ``model.path`` or ``model.encoder`` comes into a folder, in words: by which command, where it is on the hub."""
    name = name_of("model" if key == "model.path" else "encoder", source).rpartition("/")[2]
    if source == name:
        return f"it is on no hub: give models.dir=DIR with a folder DIR/{name}"
    pinned = f" --revision {revision}" if revision else ""
    return f"hf download {source}{pinned} --local-dir DIR/{name}, where there is a network, then models.dir=DIR"


def public_name(source: str, name: str) -> str:
    """What a model is called elsewhere: by its hub id, or by its `name` where `source` is a folder of this machine."""
    return name if is_own(source) else source


def is_own(source: str) -> bool:
    """Whether it is a folder, and none that ships with the package."""
    return is_place(source) and not source.startswith("mini:")


def is_place(source: str) -> bool:
    """Whether it is a folder or ships with the package."""
    return source.startswith(("mini:", ".", "/", "~")) or os.path.isdir(
        os.path.expanduser(source)
    )  # False for a name too long, too
