"""Opinions in words: the main clause decides, and a negated word counts for its opposite."""

import random
from typing import Literal

from lopa_bench.mini.lexicon import (
    ASPECTS,
    NEGATIVE_NOUNS,
    NEGATIVE_VERBS,
    POSITIVE_NOUNS,
    POSITIVE_VERBS,
    WORKS,
)
from lopa_bench.mini.world import Entities

Sentiment = Literal["positive", "negative"]
_OPPOSITE: dict[Sentiment, Sentiment] = {"positive": "negative", "negative": "positive"}
_NOUNS = {"positive": POSITIVE_NOUNS, "negative": NEGATIVE_NOUNS}
_VERBS = {"positive": POSITIVE_VERBS, "negative": NEGATIVE_VERBS}
_DEGREES = ("", "", "very ", "truly ", "rather ", "quite ")


def clause(rng: random.Random, who: Entities, sentiment: Sentiment, subject: str, negated: float = 0.45) -> str:
    """A clause about one aspect, plain or with a negated word of the opposite sentiment."""
    adjectives = {"positive": who.positive, "negative": who.negative}
    if rng.random() < negated / 4:
        return f"it is not true that {clause(rng, who, _OPPOSITE[sentiment], subject, negated)}"
    if rng.random() < negated:
        word = rng.choice(adjectives[_OPPOSITE[sentiment]])
        opposite_noun = rng.choice(_NOUNS[_OPPOSITE[sentiment]])
        return rng.choice(
            [
                f"{subject} was not {word}",
                f"{subject} was never {word}",
                f"{subject} was far from {word}",
                f"{subject} was anything but {word}",
                f"nobody found {subject} {word}",
                f"{subject} was not a {opposite_noun}",
            ]
        )
    word = rng.choice(_DEGREES) + rng.choice(adjectives[sentiment])
    return rng.choice(
        [
            f"{subject} was {word}",
            f"{subject} was {word}",
            f"{rng.choice(who.names)} found {subject} {word}",
            f"{subject} was a {rng.choice(_NOUNS[sentiment])}",
            f"{subject} {rng.choice(_VERBS[sentiment])} {rng.choice(who.names)}",
        ]
    )


def review(rng: random.Random, who: Entities, sentiment: Sentiment, easy: float = 0.0) -> str:
    """One or two clauses whose balance is the given sentiment, without the full stop.

    Args:
        easy: share of reviews in which every word tells the sentiment.
    """
    first, second = (f"the {word}" for word in rng.sample(ASPECTS, 2))
    if rng.random() < easy:
        one, two = (clause(rng, who, sentiment, subject, negated=0) for subject in (first, second))
        return rng.choice([one, f"{one} and {two}"])
    main = clause(rng, who, sentiment, first)
    draw = rng.random()
    if draw < 0.3:
        return main
    if draw < 0.45:
        return f"{main} and {clause(rng, who, sentiment, second)}"
    against = clause(rng, who, _OPPOSITE[sentiment], second)
    return rng.choice(
        [
            f"{against} , but {main}",
            f"although {against} , {main}",
            f"{main} , although {against}",
            f"{main} even if {against}",
        ]
    )


def work(rng: random.Random) -> str:
    """What is under review."""
    return f"the {rng.choice(WORKS)}"
