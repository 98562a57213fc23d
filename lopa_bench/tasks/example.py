"""What a task hands to the runner and gets back from it to be scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Example:
    """One row of a task in words.

    Attributes:
        input: what the model reads, already verbalised by the task's template.
        target: what it should write; for classification a label word.
        record: what the scorer needs: gold label, references, test cases.
    """

    input: str
    target: str
    record: Mapping[str, Any] = field(default_factory=dict)
