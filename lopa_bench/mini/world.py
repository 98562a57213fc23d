"""What the words mean to each other: one "is a special case of" order over the closed world.

Kinds, places, qualities and verbs form trees; `is_a` is reachability in them. Everything follows
from the lexicon and one seed, so that every process sees the same world.
"""

import random
from dataclasses import dataclass
from functools import cache

from lopa_bench.mini import lexicon

SEED = 2024
SPLITS = ("train", "validation", "test")
# Share of the names, leaf kinds, towns and opinion words that belong to each split alone.
SHARES = {"train": 0.6, "validation": 0.16, "test": 0.24}


@dataclass(frozen=True)
class Verb:
    past: str
    base: str
    participle: str


@dataclass(frozen=True)
class Entities:
    """What one split may talk about. The corpus may talk about all of it."""

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    towns: tuple[str, ...]
    positive: tuple[str, ...]
    negative: tuple[str, ...]


def _outline(text: str) -> dict[str, str | None]:
    """Parent of every word of an indented outline, in reading order."""
    parents: dict[str, str | None] = {}
    above: list[str] = []
    for line in text.strip("\n").splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        head, _, below = line.strip().partition(":")
        del above[depth:]
        parents[head] = above[-1] if above else None
        above.append(head)
        parents.update(dict.fromkeys(below.split(), head))
    return parents


def _geography() -> dict[str, str | None]:
    """Four lands of five regions of eight towns, with invented names."""
    rng = random.Random(f"geography-{SEED}")
    starts = lexicon.TOWN_STARTS
    towns = [start + end for start in starts for end in lexicon.TOWN_ENDS]
    regions = [start + end for start in starts for end in lexicon.REGION_ENDS]
    rng.shuffle(towns)
    rng.shuffle(regions)
    parents: dict[str, str | None] = dict.fromkeys(lexicon.LANDS)
    for i, region in enumerate(regions[:20]):
        parents[region] = lexicon.LANDS[i % len(lexicon.LANDS)]
        parents.update(dict.fromkeys(towns[8 * i : 8 * i + 8], region))
    return parents


VERBS = {forms.split("/")[0]: Verb(*forms.split("/")) for forms in lexicon.VERBS.replace(":", " ").split()}
KINDS = _outline(lexicon.KINDS)
PLACES = _geography()
QUALITIES = _outline(lexicon.QUALITIES)
_VERB_PARENTS = {
    word.split("/")[0]: parent and parent.split("/")[0] for word, parent in _outline(lexicon.VERBS).items()
}
PARENTS = KINDS | PLACES | QUALITIES | _VERB_PARENTS


def parent_of(word: str) -> str:
    """The word directly above one that is not at the top."""
    parent = PARENTS[word]
    assert parent is not None, word
    return parent


def leaves(parents: dict[str, str | None]) -> tuple[str, ...]:
    """The most special words of a tree, in reading order."""
    inner = set(parents.values())
    return tuple(word for word in parents if word not in inner)


@cache
def path(word: str) -> tuple[str, ...]:
    """The word and everything it is a special case of, nearest first."""
    parent = PARENTS[word]
    return (word, *path(parent)) if parent else (word,)


def is_a(special: str | None, general: str | None) -> bool:
    """Whether everything that `special` is true of, `general` is true of; None says nothing."""
    return general is None or (special is not None and general in path(special))


def disjoint(one: str, other: str) -> bool:
    """Whether nothing can be both: in a tree, neither lies above the other."""
    return not is_a(one, other) and not is_a(other, one)


def plural(kind: str) -> str:
    """The plural of a kind noun."""
    if kind in lexicon.IRREGULAR_PLURALS:
        return lexicon.IRREGULAR_PLURALS[kind]
    if kind.endswith(("s", "x", "ch", "sh")):
        return kind + "es"
    if kind.endswith("y") and kind[-2] not in "aeiou":
        return kind[:-1] + "ies"
    return kind + "s"


def _divide(words: tuple[str, ...] | list[str], label: str) -> dict[str, tuple[str, ...]]:
    """Cut a list of words at random into disjoint parts, one a split."""
    words = list(words)
    random.Random(f"{label}-{SEED}").shuffle(words)
    parts, start = {}, 0
    for split in SPLITS:
        stop = len(words) if split == SPLITS[-1] else start + round(SHARES[split] * len(words))
        parts[split], start = tuple(words[start:stop]), stop
    return parts


@cache
def entities(split: str | None = None) -> Entities:
    """The names, leaf kinds, towns and opinion words of a split, or all of them."""
    pools: dict[str, tuple[str, ...] | list[str]] = {
        "names": lexicon.NAMES,
        "kinds": leaves(KINDS),
        "towns": leaves(PLACES),
        "positive": lexicon.POSITIVE,
        "negative": lexicon.NEGATIVE,
    }
    if split is None:
        return Entities(**{field: tuple(words) for field, words in pools.items()})
    return Entities(**{field: _divide(words, field)[split] for field, words in pools.items()})
