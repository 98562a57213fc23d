"""Results are facts: identified by what determines them, written once and whole, never edited. Imports no torch."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import platform
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from lopa_bench.config.schema import Config
from lopa_bench.errors import UserError
from lopa_bench.host.files import remove_temporaries, write_bytes, write_text
from lopa_bench.host.lease import CLOCK, Claim
from lopa_bench.models.files import locate
from lopa_bench.tasks.rows import Records

SCHEMA = 1  # of result.json
PROTOCOL = 1  # of the training and evaluation code; raised by a change that moves numbers, so that old results are not taken for new

# What does not determine a run's number: where things lie, what is shown, and names that only lead to values.
_UNDETERMINING = {
    "results_dir", "force", "offline", "tracker", "checkpoint_every", "experiment", "sandbox", "scale", "recipe", "model", "data",
}  # fmt: skip
# Like device and number of threads, these change a number by rounding only (tests/run/test_speed.py, tests/run/test_shard.py).
UNDETERMINING_IN_TRAIN = {"compile", "gradient_checkpointing", "shard"}
_REQUIRED = ("metric", "metrics", "metrics_per_split", "reported_split")  # what a sweep and the end of a run show
PREDICTIONS = "predictions.jsonl"
LOCK, PROGRESS = "run.lock", "progress.json"  # of a run that goes on
_VERSIONED = ("lopa-bench", "torch", "transformers", "tokenizers", "peft", "datasets", "numpy")


def determining(config: Config, records: Records) -> dict[str, Any]:
    """What a run's number depends on: hyperparameters, the contents of data and models, the protocol; no path, no device."""
    plain = {key: value for key, value in config.resolved.items() if key not in _UNDETERMINING}
    plain["train"] = {key: value for key, value in plain["train"].items() if key not in UNDETERMINING_IN_TRAIN}
    plain["task"] = {key: value for key, value in plain["task"].items() if key != "about"}  # facts for tables and plans
    if config.generation and config.generation.generator is None:
        plain["generation"] = {key: value for key, value in plain["generation"].items() if key != "generator"}
    model = config.resolved["model"]
    encoder = config.model.encoder
    if encoder != "backbone":
        encoder = locate(encoder, config.model.encoder_revision, config.offline).fingerprint()
    return {
        **plain,
        "protocol": PROTOCOL,
        "model": {
            "weights": locate(config.model.path, config.model.revision, config.offline).fingerprint(),
            "encoder": encoder,
            "lora_targets": model["lora_targets"],
        },
        "data": records.fingerprints(),
    }


def digest(values: Mapping[str, Any]) -> str:
    """Twelve hexadecimal digits over values as canonical JSON."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class RunDirectory:
    """Where one run's files lie: ``<results>/<scale>/<task>/<model>/<method>/<seed>-<digest>``.

    ``result.json`` is written last: a directory without it is not a result.
    """

    path: Path
    digest: str
    determining: Mapping[str, Any]

    @classmethod
    def of(cls, config: Config, records: Records) -> RunDirectory:
        values = determining(config, records)
        identity = digest(values)
        names = (config.scale, config.task.name, config.model.name, config.method.name, f"{config.seed}-{identity}")
        return cls(config.results_dir.joinpath(*names), identity, values)

    def create(self) -> None:
        """Make the directory. Raises `UserError` if that is not allowed."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"results_dir: {self.path} cannot be made ({error.strerror})") from error

    def result(self) -> dict[str, Any] | None:
        """The finished result, or None.

        None too where the predictions are gone, as from a published folder: tables can be made of it,
        but a run has to give all of its files. What is no whole result is run again.

        Raises:
            UserError: a result of another schema version, which may be newer than this one.
        """
        if not (self.path / PREDICTIONS).is_file():
            return None
        path = self.path / "result.json"
        try:
            found: Any = json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError):
            return None
        if not isinstance(found, dict) or "schema" not in found:
            return None
        if found["schema"] != SCHEMA:
            raise UserError(
                f"{path}: schema {found['schema']}, this version writes {SCHEMA}; move it away, or overwrite it with force=true"
            )
        return found if all(key in found for key in _REQUIRED) else None

    @contextlib.contextmanager
    def claim(self) -> Iterator[None]:
        """Make the directory and keep other processes out of it for the time of the block.

        Raises:
            Busy: another living process has claimed it.
        """
        self.create()
        with Claim(self.path / LOCK):
            remove_temporaries(self.path, spared=(f".{LOCK}.", CLOCK))  # of processes that ask for the claim
            yield
            (self.path / PROGRESS).unlink(missing_ok=True)

    def write(
        self,
        result: Mapping[str, Any],
        config: Mapping[str, Any],
        history: Sequence[Mapping[str, float]],
        predictions: Sequence[Mapping[str, Any]],
        files: Mapping[str, bytes],
    ) -> None:
        """Write all files, the named `files` first and ``result.json`` last. Raises `RunFailed` where that is not possible."""
        for old in ("result.json", f"{PREDICTIONS}.gz"):  # must not stand beside new files
            (self.path / old).unlink(missing_ok=True)
        for name, content in files.items():
            write_bytes(self.path / name, content)
        write_text(self.path / "config.yaml", yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True))
        write_text(self.path / "history.csv", as_csv(history))
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in predictions)
        # A lone surrogate in a generated text cannot be UTF-8; it is written as its JSON escape.
        write_bytes(self.path / PREDICTIONS, lines.encode("utf-8", "backslashreplace"))
        write_text(self.path / "result.json", json.dumps(result, indent=1, ensure_ascii=False) + "\n")


def as_csv(rows: Sequence[Mapping[str, float]]) -> str:
    """Rows as CSV; columns in order of first appearance, absent values empty."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


@cache
def versions() -> dict[str, str]:
    """Python's and the packages' versions that a number may depend on."""
    found = {"python": platform.python_version()}
    for name in _VERSIONED:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "source"
    return found


@cache
def git_state() -> dict[str, Any]:
    """Commit of the checkout the package runs from and whether files differ from it; empty outside a checkout."""

    def git(*args: str) -> str:
        folder = Path(__file__).parent
        return subprocess.run(
            ["git", *args], cwd=folder, capture_output=True, text=True, check=True, timeout=5
        ).stdout.strip()

    try:
        return {
            "commit": git("rev-parse", "HEAD"),
            "modified": bool(git("status", "--porcelain", "--untracked-files=no", "--", ".")),
        }
    except (OSError, subprocess.SubprocessError):
        return {}
