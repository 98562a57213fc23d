"""Statements about the world and what follows from them.

The reasoning is that of natural logic (MacCartney & Manning, 2007): "some" lets every word grow
more general, "no" more special.
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

Quantifier = Literal["some", "no"]
Sort = Literal["is", "lives", "event"]
Label = Literal["entailment", "neutral", "contradiction"]
LABELS: tuple[Label, ...] = ("entailment", "neutral", "contradiction")
# An individual is of one kind and lives in one town: two that differ exclude each other. Only `contradicts` reads it, and runs rest on
# the labels that `entails` gives without it (docs/mini.md, "Known faults of the rows").
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


def _narrower(one: Statement, other: Statement) -> bool:
    """Whether each thing that `one` speaks of is among those that `other` speaks of."""
    same = one.agent == other.agent and one.verb == other.verb and one.count >= other.count
    return same and all(is_a(getattr(one, slot), getattr(other, slot)) for slot in SLOTS)


def entails(premise: Statement, hypothesis: Statement) -> bool:
    """Whether the hypothesis must be true when the premise is, as far as words grow more general or special: `EXCLUSIVE` is not read."""
    if premise.quantifier != hypothesis.quantifier:
        return False
    if premise.quantifier == "some":
        return _narrower(premise, hypothesis)
    return _narrower(hypothesis, premise)


def contradicts(premise: Statement, hypothesis: Statement) -> bool:
    """Whether both cannot be true together."""
    p, h = sorted((premise, hypothesis), key=lambda s: s.quantifier == "no")
    if h.quantifier == "no":
        return p.quantifier == "some" and _narrower(p, h)
    slot = EXCLUSIVE.get(p.verb)
    same = p.agent == h.agent and p.verb == h.verb
    return same and slot is not None and disjoint(getattr(p, slot), getattr(h, slot))


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
    way = rng.choices(["up", "down", "beside"], [3, 3, 1])[0]
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
    other = rng.choice(others)
    return replace(statement, kind=other) if slot == "kind" else replace(statement, verb=other)


def _pools(who: Entities) -> dict[str, tuple[str, ...]]:
    """The leaves over which a slot's words may move."""
    return {"kind": who.kinds, "place": who.towns, "quality": _QUALITIES, "verb": _VERBS}


def edited(rng: random.Random, statement: Statement, who: Entities, edits: int) -> Statement:
    """The statement after some of its words were moved within their trees, dropped or added."""
    pools = _pools(who)
    slots = [slot for slot in ("kind", "place", "quality") if getattr(statement, slot)]
    if statement.verb in VERBS:
        slots += ["kind", "place", "quality"]
        slots += ["count"] * (statement.count > 1)
    changes = {}
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
        changes[slot] = value
    return replace(statement, **changes)


def inference(
    rng: random.Random, who: Entities, label: Label, mixed: float = 0.5, easy: float = 0.0
) -> tuple[Statement, Statement]:
    """A premise and a hypothesis that stand in the asked-for relation.

    The number of edits is drawn whatever the label. So are the premise's quantifier and the sort, but
    for a tenth of the contradictions, which rest on `EXCLUSIVE`. Whether one side alone is negated hangs
    on the label: no entailment is so.

    Args:
        mixed: share of neutral pairs of which one side is negated and the other is not, as most
            contradictions are; without them a negation on one side would always mean contradiction.
        easy: share of pairs where it does mean that and nothing else is negated.
    """
    simple, exclusive = rng.random() < easy, label == "contradiction" and rng.random() < 0.1
    negated = label == "contradiction" or (not simple and label == "neutral" and rng.random() < mixed)
    first: Quantifier = "some" if simple else rng.choice(["some", "no"])
    second: Quantifier = first if not negated else "no" if first == "some" else "some"
    sorts: list[Sort] = ["is", "lives", "event"]
    sort = rng.choices(sorts, [3, 3, 4])[0]
    if exclusive:
        exclusives: list[Sort] = ["is", "lives"]
        first, second = "some", "some"
        sort = rng.choice(exclusives)
    edits = rng.choice([1, 1, 1, 1, 2])
    while True:
        premise = random_statement(rng, who, first, sort)
        hypothesis = edited(rng, premise, who, edits)
        if second != first or second == "no":
            hypothesis = replace(hypothesis, quantifier=second, count=1 if second == "no" else hypothesis.count)
        if premise != hypothesis and relation(premise, hypothesis) == label:
            return premise, hypothesis
