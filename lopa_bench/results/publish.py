"""Finished runs as they are published: every fact of them, small, and with no folder of the machine that made them."""

from __future__ import annotations

import gzip
from collections.abc import Container, Mapping
from hashlib import sha256
from pathlib import Path

import yaml

from lopa_bench.config import files
from lopa_bench.config.absolute import FOLDERS, MODELS, RESULTS
from lopa_bench.config.places import KEYS
from lopa_bench.config.quoting import FILES
from lopa_bench.errors import UserError
from lopa_bench.host.files import make_folder, read_bytes, write_bytes, write_text
from lopa_bench.results.directory import CONFIG, HISTORY, PREDICTIONS, RESULT, TRAINED, kept
from lopa_bench.results.predictions import as_written, parted
from lopa_bench.results.record import File, parse

KEPT_TRAINED = 384 << 10  # bytes: a prompt and its heads at the embedded scale, not a whole model or encoder
PLACES = sorted({*FOLDERS, "conf.path"} - {RESULTS})  # of the machine, in config.yaml
NAMED = sorted({*MODELS, *FILES})  # places that are published by their last name


def publish(result_path: Path, runs: Path, to: Path, more: Container[str] = ()) -> Path:
    """Copy the run of a ``result.json`` below `runs`, published or not, to the same place below `to`.

    ``result.json`` stays as it is. ``history.csv`` and predictions are compressed, these without the examples, which the task's folder
    gets once (`results.predictions`). ``config.yaml`` loses the folders of its machine.

    Args:
        more: which of the other files are published too, where they are there; what was trained, where it is small.

    Raises:
        UserError: a file that is missing, damaged or another than the run wrote, or a place that cannot be written.
    """
    source, target = result_path.parent, to / result_path.parent.relative_to(runs)
    told, contents, settings = content_of(result_path, more)
    below_a_task = to in target.parents[3:]  # else it was moved, and what was asked has no place of its own
    make_folder(target)
    for name, content in contents.items():
        if name == PREDICTIONS and below_a_task and (parts := parted(content, source / name)):
            own, examples, asked = parts
            _write_packed(target.parents[2] / examples, asked)
            _write_packed(target / f"{name}.gz", own)
        elif name in (PREDICTIONS, HISTORY):
            _write_packed(target / f"{name}.gz", content)
        else:
            write_bytes(target / name, content)
    write_text(target / CONFIG, settings)
    write_bytes(target / RESULT, told)
    return target


def content_of(result_path: Path, more: Container[str] = ()) -> tuple[bytes, dict[str, bytes], str]:
    """What is published of a run: its ``result.json``, the files beside it, and its ``config.yaml``. Raises as `publish`."""
    told = read_bytes(result_path)
    result = parse(told)
    beside = {name: _asked_for(result_path, name, file, more) for name, file in result.files.items()}
    names = {"path": result.model, "encoder": result.encoder}
    settings = _without_places(read_bytes(result_path.with_name(CONFIG)).decode(), names)
    return told, {name: content for name, content in beside.items() if content}, settings


def _asked_for(result_path: Path, name: str, file: File, more: Container[str]) -> bytes | None:
    """A file as the run wrote it, if it is published. Raises `UserError` for another: what is published is what was run."""
    path = result_path.with_name(name)
    if name == PREDICTIONS:
        content = as_written(result_path)
    elif name == HISTORY:
        content = read_bytes(kept(path))
    elif name in more and (name != TRAINED or file.bytes <= KEPT_TRAINED) and path.exists():
        content = read_bytes(path)
    else:
        return None
    if sha256(content).hexdigest() != file.sha256:
        raise UserError(f"{kept(path)}: not the file that the run wrote; put that back, or run again with force=true")
    return content


def _is_folder(section: str, key: str, value: str, name: str | None) -> bool:
    """Whether a setting was a folder or file there. A relative folder of a model and a hub id look alike: the result knows by its name."""
    if section == "data" or value.startswith(("/", "~", ".")):
        return True
    (group,) = [group for group, own in KEYS.items() if own == key]
    of_conf = any(files.read(f"{group}/{choice}").get(key) == value for choice in files.choices(group))
    return name == Path(value).name and not of_conf  # the ids of some models end as their files in conf/ are called


def _write_packed(path: Path, content: bytes) -> None:
    write_bytes(path, gzip.compress(content, mtime=0))  # without a time in it, the same content is the same file


def _without_places(text: str, names: Mapping[str, str | None]) -> str:
    """A run's ``config.yaml`` without the folders of the machine.

    Args:
        names: what the result calls the models of a config's keys; a folder by its own name, which no hub id is.
    """
    config = yaml.safe_load(text)
    config["results_dir"] = "runs"
    for key in PLACES:
        *parents, leaf = key.split(".")
        place = config
        for parent in parents:
            place = place.get(parent) or {}
        if leaf in place:
            place[leaf] = None
    for section, key in (named.split(".") for named in NAMED):
        value = str(config[section].get(key) or "")
        if value and _is_folder(section, key, value, names.get(key)):
            config[section][key] = Path(value).name
    return str(yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
