"""What a reader asks about LOPA, and which parts of the claims answer it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """A question that is answered with yes when all of these parts of claims hold, and with no when one fails.

    Attributes:
        parts: each as the claim's name and the part's place in it.
    """

    text: str
    parts: tuple[tuple[str, int], ...]


QUESTIONS = (
    Question("Is it the gate?", (("C4", 0), ("C5", 0), ("C12", 0), ("C12", 1))),
    Question("Is it the trained encoder?", (("C14", 0),)),
    Question("Does that reach full fine-tuning?", (("C14", 1), ("C14", 2))),
    Question("Does quality hold with the rank?", (("C7", 0),)),
    Question("Is the instance used?", (("C11", 0), ("C13", 0))),
)
