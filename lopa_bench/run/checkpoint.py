"""Checkpoints of an interrupted run: atomic, checksummed, the previous one kept."""

from __future__ import annotations

import hashlib
import io
import time
from pathlib import Path
from typing import Any

import torch

from lopa_bench.host.files import writing

NAME = "checkpoint"
RUN_SECONDS = "run_seconds"  # a key of the file beside those of the state


class Checkpoints:
    """Two files in a run's directory, the latest state and the one before it.

    A file is the SHA-256 of its payload in hexadecimal, a newline, and the payload (``torch.save``). One that is truncated or corrupt is
    passed over for the other; if both are, the run starts anew.

    Args:
        seconds_between: from one save to the next, about; a signal saves at once.
        name: the files' names begin with it.

    Attributes:
        run_seconds: how long the run has taken since this was made, and before the loaded state was saved.
        before: the second part of it.
    """

    def __init__(self, folder: Path, seconds_between: float, name: str = NAME) -> None:
        self.latest, self.previous = folder / f"{name}.pt", folder / f"{name}.previous.pt"
        self.folder, self.seconds_between = folder, seconds_between
        self._started = self._saved_at = time.monotonic()
        self.before = 0.0

    @property
    def run_seconds(self) -> float:
        return self.before + time.monotonic() - self._started

    @property
    def due(self) -> bool:
        """Whether the last save is `seconds_between` ago."""
        return time.monotonic() - self._saved_at >= self.seconds_between

    def save(self, state: dict[str, Any]) -> None:
        """Raises `RunFailed` where nothing can be written; the previous state is then still there."""
        buffer = io.BytesIO()
        torch.save({**state, RUN_SECONDS: self.run_seconds}, buffer)
        payload = buffer.getbuffer()  # no copy: it may be gigabytes
        if self.latest.exists():
            self.latest.replace(self.previous)
        with writing(self.latest) as file:
            file.writelines((hashlib.sha256(payload).hexdigest().encode(), b"\n", payload))
        self._saved_at = time.monotonic()

    def load(self) -> dict[str, Any] | None:
        """The newest whole state, its tensors on the CPU, or None."""
        for path in (self.latest, self.previous):
            if path.exists():
                checksum, _, payload = path.read_bytes().partition(b"\n")
                if hashlib.sha256(payload).hexdigest().encode() == checksum:
                    state: dict[str, Any] = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
                    self.before = state.pop(RUN_SECONDS, 0.0)
                    return state
                path.unlink()  # so that the next save does not put it in the good one's place
        return None

    def beside(self, part: str) -> Checkpoints:
        """Files of the same run for a part of it, which are removed with these."""
        return Checkpoints(self.folder, self.seconds_between, f"{NAME}.{part}")

    def remove(self) -> None:
        """Forget all of the run, once the result is written."""
        for path in self.folder.glob(f"{NAME}.*pt"):
            path.unlink(missing_ok=True)
