"""Statements about the world and what follows from them.

The reasoning is that of natural logic (MacCartney & Manning, 2007): "some" lets every word grow
more general, "no" more special, and "every" the verb more general but its object more special.
What "every" speaks of is taken to exist.
"""

import random
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from lopa_bench.mini.world import (
    PARENTS,
    QUALITIES,
    VERBS,
    Entities,
    disjoint,
    is_a,
    leaves,
    path,
)

Quantifier = Literal["some", "no", "every"]
Sort = Literal["is", "lives", "event"]
Label = Literal["entailment", "neutral", "contradiction"]
LABELS: tuple[Label, ...] = ("entailment", "neutral", "contradiction")
# An individual is of one kind and lives in one town: two that differ exclude each other.
EXCLUSIVE = {"is": "kind", "lives": "place"}
SLOTS = ("kind", "quality", "place")
_QUALITIES = leaves(QUALITIES)
_VERBS = leaves({verb: PARENTS[verb] for verb in VERBS})


@dataclass(frozen=True)
class Statement:
    """ "AGENT VERB QUANTIFIER QUALITY KIND in PLACE"; None, for the agent "", leaves a slot open.

    The verb "is" says what the agent is, "lives" where its home is; all others are events.
    `count` is the least number of things that "some" speaks of.
    """

    quantifier: Quantifier
    agent: str
    verb: str
    kind: str | None = None
    quality: str | None = None
    place: str | None = None
    count: int = 1


def _verb_is_a(special: str, general: str) -> bool:
    return special == general or (special in VERBS and is_a(special, general))


def _narrower(one: Statement, other: Statement) -> bool:
    """Whether whatever the restriction of `one` covers, that of `other` covers."""
    return all(is_a(getattr(one, slot), getattr(other, slot)) for slot in SLOTS)


def entails(premise: Statement, hypothesis: Statement) -> bool:
    """Whether the hypothesis must be true when the premise is."""
    p, h = premise, hypothesis
    if p.agent != h.agent:
        return False
    match (p.quantifier, h.quantifier):
        case ("some", "some"):
            return _verb_is_a(p.verb, h.verb) and _narrower(p, h) and p.count >= h.count
        case ("no", "no"):
            return _verb_is_a(h.verb, p.verb) and _narrower(h, p)
        case ("every", "every"):
            return _verb_is_a(p.verb, h.verb) and _narrower(h, p)
        case ("every", "some"):
            return _verb_is_a(p.verb, h.verb) and _narrower(p, h) and h.count == 1
    return False


def contradicts(premise: Statement, hypothesis: Statement) -> bool:
    """Whether both cannot be true together."""
    p, h = premise, hypothesis
    if p.agent != h.agent:
        return False
    if p.quantifier == "no" and h.quantifier != "no":
        p, h = h, p
    if h.quantifier == "no":
        return p.quantifier != "no" and _verb_is_a(p.verb, h.verb) and _narrower(p, h)
    slot = EXCLUSIVE.get(p.verb)
    return p.verb == h.verb and slot is not None and disjoint(getattr(p, slot), getattr(h, slot))


def relation(premise: Statement, hypothesis: Statement) -> Label:
    """The three-way label of natural language inference."""
    if entails(premise, hypothesis):
        return "entailment"
    return "contradiction" if contradicts(premise, hypothesis) else "neutral"


def any_of(rng: random.Random, word: str, floor: int = 0) -> str:
    """The word or one of the more general ones above it, `floor` steps up at least."""
    steps = path(word)
    return rng.choice(steps[min(floor, len(steps) - 1) :])


def random_statement(rng: random.Random, who: Entities, quantifier: Quantifier, sort: Sort) -> Statement:
    """A statement of one sort over the given entities, each slot at a random height of its tree."""
    agent = rng.choice(who.names)
    if sort == "lives":
        return Statement(quantifier, agent, sort, place=any_of(rng, rng.choice(who.towns)))
    kind = any_of(rng, rng.choice(who.kinds))
    if sort == "is":
        return Statement(quantifier, agent, sort, kind)
    return Statement(
        quantifier,
        agent,
        rng.choice(list(VERBS)),
        kind,
        quality=rng.choice(list(QUALITIES)) if rng.random() < 0.35 else None,
        place=any_of(rng, rng.choice(who.towns)) if rng.random() < 0.45 else None,
        count=rng.choice([1, 1, 2, 3, 4, 5]) if quantifier == "some" else 1,
    )


@cache
def _below(word: str, pool: tuple[str, ...]) -> tuple[str, ...]:
    """The more special words on the way from the pool's leaves up to the word."""
    return tuple(step for leaf in pool for step in path(leaf) if step != word and is_a(step, word))


@cache
def _beside(word: str, pool: tuple[str, ...]) -> tuple[str, ...]:
    """Words above the pool's leaves that exclude the given one, at its height of the tree.

    Those that share something more general with it come first, where there are any.
    """
    depth = len(path(word))
    peers = {path(leaf)[-depth] for leaf in pool if len(path(leaf)) >= depth}
    near = sorted(peer for peer in peers - {word} if set(path(peer)) & set(path(word)))
    return tuple(near or sorted(peers - {word}))


def _moved(rng: random.Random, word: str, pool: tuple[str, ...]) -> str:
    """A word above, below or beside the given one, over the leaves in the pool."""
    way = rng.choice(["up", "down", "beside"])
    if way == "up" and PARENTS[word]:
        return rng.choice(path(word)[1:])
    if way == "down" and _below(word, pool):
        return rng.choice(_below(word, pool))
    return rng.choice(_beside(word, pool))


def elsewhere(rng: random.Random, statement: Statement, who: Entities) -> Statement:
    """The statement with its kind or verb replaced by one that has nothing above it in common."""
    slot = rng.choice(["kind", "verb"])
    height, top = len(path(getattr(statement, slot))), path(getattr(statement, slot))[-1]
    others = [path(leaf)[-height] for leaf in _pools(who)[slot] if len(path(leaf)) >= height and path(leaf)[-1] != top]
    return replace(statement, **{slot: rng.choice(others)})


def _pools(who: Entities) -> dict[str, tuple[str, ...]]:
    """The leaves over which a slot's words may move."""
    return {"kind": who.kinds, "place": who.towns, "quality": _QUALITIES, "verb": _VERBS}


def edited(rng: random.Random, statement: Statement, who: Entities, edits: int) -> Statement:
    """The statement after some of its words were moved within their trees, dropped or added."""
    pools = _pools(who)
    slots = [slot for slot in ("kind", "place", "quality") if getattr(statement, slot)]
    if statement.verb in VERBS:
        slots += ["kind", "verb", "place", "quality"]
        slots += ["count"] * (statement.count > 1)
    for slot in rng.sample(sorted(set(slots), key=slots.index), min(edits, len(set(slots)))):
        value = getattr(statement, slot)
        if slot == "count":
            value = rng.choice([n for n in (1, 2, 3, 4, 5) if n != value])
        elif value is None:
            value = any_of(rng, rng.choice(pools[slot]))
        elif slot in ("place", "quality") and statement.verb in VERBS and rng.random() < 0.4:
            value = None
        else:
            value = _moved(rng, value, pools[slot])
        statement = replace(statement, **{slot: value})
    return statement


# How often two quantifiers meet. Those of the first table hold no contradiction between events,
# those of the second no entailment.
_ALIKE: dict[tuple[Quantifier, Quantifier], float] = {
    ("some", "some"): 10,
    ("no", "no"): 6,
    ("every", "every"): 3,
    ("every", "some"): 2,
}
_EASY: dict[Label, dict[tuple[Quantifier, Quantifier], float]] = {
    "entailment": {("some", "some"): 1},
    "neutral": {("some", "some"): 1},
    "contradiction": {("some", "no"): 1, ("no", "some"): 1},
}
_MIXED: dict[tuple[Quantifier, Quantifier], float] = {
    ("some", "no"): 3,
    ("no", "some"): 3,
    ("every", "no"): 1,
    ("no", "every"): 1,
}


def inference(
    rng: random.Random, who: Entities, label: Label, mixed: float = 0.5, easy: float = 0.0
) -> tuple[Statement, Statement]:
    """A premise and a hypothesis that stand in the asked-for relation.

    Quantifiers, sort and number of edits are drawn before the label is looked at, so that none of
    them tells it.

    Args:
        mixed: share of neutral pairs of which one side is negated and the other is not, as most
            contradictions are; without them a negation would give the label away.
        easy: share of pairs with one edit at most, where a negation does give it away.
    """
    simple = rng.random() < easy
    exclusive = label == "contradiction" and rng.random() < 0.2
    negated = label == "contradiction" or (label == "neutral" and rng.random() < mixed)
    pairs = _MIXED if negated else _ALIKE
    first, second = rng.choices(list(pairs), list(pairs.values()))[0]
    sort: Sort = rng.choices(["is", "lives", "event"], [2, 2, 6])[0]
    if exclusive:
        first, second, sort = "some", "some", rng.choice(["is", "lives"])
    elif "every" in (first, second):
        sort = "event"
    edits = rng.choice([1, 1, 1, 1, 2])
    if simple:
        first, second = rng.choices(*zip(*_EASY[label].items(), strict=True))[0]
        edits = rng.choice([0, 1]) if label == "contradiction" else 1
    while True:
        premise = random_statement(rng, who, first, sort)
        hypothesis = replace(edited(rng, premise, who, edits), quantifier=second)
        if second != "some":
            hypothesis = replace(hypothesis, count=1)
        if premise != hypothesis and relation(premise, hypothesis) == label:
            return premise, hypothesis
