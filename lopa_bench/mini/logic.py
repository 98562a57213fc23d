"""Statements about the world and what follows from them.

The reasoning is that of natural logic (MacCartney & Manning, 2007): "some" lets every word grow
more general, "no" more special, and "every" the verb more general but its object more special.
What "every" speaks of is taken to exist.
"""

import random
from dataclasses import dataclass, replace
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
Label = Literal["entailment", "neutral", "contradiction"]
LABELS: tuple[Label, ...] = ("entailment", "neutral", "contradiction")
# An individual is of one kind and lives in one town: two that differ exclude each other.
EXCLUSIVE = {"is": "kind", "lives": "place"}
SLOTS = ("kind", "quality", "place")


@dataclass(frozen=True)
class Statement:
    """"AGENT VERB QUANTIFIER QUALITY KIND in PLACE"; None leaves a slot open.

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


def _any_of(rng: random.Random, word: str, floor: int = 0) -> str:
    """The word or one of the more general ones above it, `floor` steps up at least."""
    steps = path(word)
    return rng.choice(steps[min(floor, len(steps) - 1) :])


def random_statement(rng: random.Random, who: Entities, quantifier: Quantifier) -> Statement:
    """A statement over the given entities, each slot at a random height of its tree."""
    agent = rng.choice(who.names)
    verb = rng.choices(["is", "lives", "event"], [2, 2, 0 if quantifier == "every" else 6])[0]
    if quantifier == "every":
        verb = "event"
    if verb == "lives":
        return Statement(quantifier, agent, verb, place=_any_of(rng, rng.choice(who.towns)))
    kind = _any_of(rng, rng.choice(who.kinds))
    if verb == "is":
        return Statement(quantifier, agent, verb, kind)
    return Statement(
        quantifier,
        agent,
        rng.choice(list(VERBS)),
        kind,
        quality=rng.choice(list(QUALITIES)) if rng.random() < 0.35 else None,
        place=_any_of(rng, rng.choice(who.towns)) if rng.random() < 0.45 else None,
        count=rng.choice([1, 1, 2, 3, 4, 5]) if quantifier == "some" else 1,
    )


def _moved(rng: random.Random, word: str, pool: tuple[str, ...]) -> str:
    """A word above, below or beside the given one, over the leaves in the pool."""
    way = rng.choice(["up", "down", "beside"])
    if way == "up" and PARENTS[word]:
        return rng.choice(path(word)[1:])
    if way == "down":
        below = [step for leaf in pool for step in path(leaf) if step != word and is_a(step, word)]
        if below:
            return rng.choice(below)
    near = [leaf for leaf in pool if disjoint(leaf, word) and set(path(leaf)) & set(path(word))]
    return _any_of(rng, rng.choice(near or [leaf for leaf in pool if disjoint(leaf, word)]))


def edited(rng: random.Random, statement: Statement, who: Entities, edits: int) -> Statement:
    """The statement after some of its words were moved within their trees, dropped or added."""
    pools = {"kind": who.kinds, "place": who.towns, "quality": leaves(QUALITIES)}
    slots = [slot for slot in ("kind", "place", "quality") if getattr(statement, slot)]
    if statement.verb in VERBS:
        slots += ["kind", "verb", "place", "quality"]
        slots += ["count"] * (statement.count > 1)
    for slot in rng.sample(sorted(set(slots), key=slots.index), min(edits, len(set(slots)))):
        value = getattr(statement, slot)
        if slot == "count":
            value = rng.choice([n for n in (1, 2, 3, 4, 5) if n != value])
        elif slot == "verb":
            value = _moved(rng, value, leaves({verb: PARENTS[verb] for verb in VERBS}))
        elif value is None:
            value = _any_of(rng, rng.choice(pools[slot]))
        elif slot != "kind" and statement.verb in VERBS and rng.random() < 0.4:
            value = None
        else:
            value = _moved(rng, value, pools[slot])
        statement = replace(statement, **{slot: value})
    return statement


# How often a pair of quantifiers comes up: none of the two alone says which label is likely.
_PAIRS: dict[tuple[Quantifier, Quantifier], float] = {
    ("some", "some"): 5,
    ("no", "no"): 3,
    ("every", "every"): 2,
    ("every", "some"): 1,
}
_MIXED: dict[tuple[Quantifier, Quantifier], float] = {
    ("some", "no"): 2,
    ("no", "some"): 2,
    ("every", "no"): 1,
    ("no", "every"): 1,
}


def inference(
    rng: random.Random, who: Entities, label: Label, mixed: float = 0.5
) -> tuple[Statement, Statement]:
    """A premise and a hypothesis that stand in the asked-for relation.

    Args:
        mixed: share of neutral pairs in which one side is negated and the other is not, as most
            contradictions are; without them a negation would give the label away.
    """
    while True:
        negated = label == "contradiction" and rng.random() < 0.8
        negated |= label == "neutral" and rng.random() < mixed
        pairs = _MIXED if negated else _PAIRS
        quantifiers = rng.choices(list(pairs), list(pairs.values()))[0]
        premise = random_statement(rng, who, quantifiers[0])
        hypothesis = edited(rng, premise, who, edits=rng.choice([1, 1, 2]))
        hypothesis = replace(hypothesis, quantifier=quantifiers[1])
        if quantifiers[1] != "some":
            hypothesis = replace(hypothesis, count=1)
        if quantifiers[1] == "every" and hypothesis.verb not in VERBS:
            continue
        if premise != hypothesis and relation(premise, hypothesis) == label:
            return premise, hypothesis


