"""Statements put into words: a few ways to say each of them, and the questions they answer."""

import random

from lopa_bench.mini.lexicon import NUMBERS
from lopa_bench.mini.logic import Statement
from lopa_bench.mini.world import VERBS, plural


def join(*parts: str | None) -> str:
    """The parts that are there, with spaces between."""
    return " ".join(part for part in parts if part)


def article(words: str) -> str:
    """The words behind "a" or "an"."""
    return ("an " if words[0] in "aeiou" and not words.startswith("uni") else "a ") + words


def _kind(s: Statement) -> str:
    """The kind of thing that an event is about; every event has one."""
    assert s.kind is not None, s
    return s.kind


def _object(s: Statement) -> str:
    if s.count > 1:
        return join("at least", NUMBERS[s.count - 2], s.quality, plural(_kind(s)))
    return article(join(s.quality, s.kind))


def _event(s: Statement, rng: random.Random) -> str:
    verb, place = VERBS[s.verb], s.place and f"in {s.place}"
    bare = join(s.quality, s.kind)
    if s.quantifier == "no":
        clauses = [
            f"{s.agent} did not {verb.base} {article(bare)}",
            f"{s.agent} never {verb.past} {article(bare)}",
            f"{s.agent} {verb.past} no {bare}",
            f"no {bare} was {verb.participle} by {s.agent}",
        ]
    else:
        was = "were" if s.count > 1 else "was"
        clauses = [
            f"{s.agent} {verb.past} {_object(s)}",
            f"{_object(s)} {was} {verb.participle} by {s.agent}",
        ]
    clause = rng.choice(clauses) if s.agent else clauses[-1].removesuffix(" by ")
    return join(place, clause) if rng.random() < 0.3 else join(clause, place)


def say(s: Statement, rng: random.Random) -> str:
    """The statement as a clause, in one of its forms, without the full stop."""
    negation = "not" if s.quantifier == "no" else None
    if s.verb == "is":
        return join(s.agent, "is", negation, article(join(s.quality, s.kind)))
    if s.verb == "lives":
        lives = ("does not live" if negation else "lives", f"in {s.place}")
        return rng.choice([join(s.agent, *lives), join("the home of", s.agent, "is", negation, lives[1])])
    return _event(s, rng)


ASKABLE = ("agent", "kind", "place", "count")


def ask(s: Statement, slot: str, rng: random.Random) -> str:
    """A question for one slot of an event; for "kind" the statement's kind is the class asked."""
    verb, place = VERBS[s.verb], s.place and f"in {s.place}"
    thing = join(s.quality, s.kind)
    if slot == "agent":
        forms = [
            join("who", verb.past, article(thing), place),
            join("by whom was", article(thing), verb.participle, place),
        ]
    elif slot == "kind":
        forms = [
            join("which", thing, "did", s.agent, verb.base, place),
            join("what kind of", thing, "was", verb.participle, "by", s.agent, place),
        ]
    elif slot == "place":
        forms = [
            join("where did", s.agent, verb.base, article(thing)),
            join("in which place was", article(thing), verb.participle, "by", s.agent),
        ]
    else:
        many = join(s.quality, plural(_kind(s)))
        forms = [
            join("how many", many, "did", s.agent, verb.base, place),
            join("how many", many, "were", verb.participle, "by", s.agent, place),
        ]
    return rng.choice(forms)
