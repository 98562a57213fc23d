"""Finished runs as they are published: every fact of them, small, and with no folder of the machine that made them."""

from __future__ import annotations

import gzip
from pathlib import Path

import yaml

from lopa_bench.host.files import make_folder, read_bytes, write_bytes, write_text
from lopa_bench.results.directory import CONFIG, PREDICTIONS, RESULT, TRAINED
from lopa_bench.results.record import parse

KEPT_TRAINED = 1 << 20  # bytes: a prompt and its heads at the embedded scale, not a whole model or encoder
PLACES = ("data.dir", "models.dir", "conf.path", "init_from")  # of the machine, in config.yaml
LOCAL_MODELS = ("path", "encoder")


def publish(result_path: Path, runs: Path, to: Path) -> Path:
    """Copy the run of a ``result.json`` below `runs` to the same place below `to`.

    ``result.json`` and ``history.csv`` stay as they are, predictions are compressed, and what was trained is kept of seed 0 where it is
    small. ``config.yaml`` loses the folders of its machine.

    Raises:
        UserError: a file that is missing or damaged, or a place that cannot be written.
    """
    source, target = result_path.parent, to / result_path.parent.relative_to(runs)
    told = read_bytes(result_path)
    result = parse(told)
    make_folder(target)
    for name in result.files:
        content = read_bytes(source / name)
        if name == PREDICTIONS:
            # without a time in it, the same predictions are the same file
            write_bytes(target / f"{name}.gz", gzip.compress(content, mtime=0))
        elif name != TRAINED or (result.seed == 0 and len(content) <= KEPT_TRAINED):
            write_bytes(target / name, content)
    write_text(target / CONFIG, _without_places(read_bytes(source / CONFIG).decode()))
    write_bytes(target / RESULT, told)
    return target


def _without_places(text: str) -> str:
    """A run's ``config.yaml`` without the folders of the machine."""
    config = yaml.safe_load(text)
    config["results_dir"] = "runs"
    for key in PLACES:
        *parents, leaf = key.split(".")
        place = config
        for parent in parents:
            place = place.get(parent) or {}
        if leaf in place:
            place[leaf] = None
    model = config["model"]
    for key in LOCAL_MODELS:
        if str(model.get(key) or "").startswith("/"):
            model[key] = Path(model[key]).name
    return str(yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
