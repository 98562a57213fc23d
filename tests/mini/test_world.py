"""The world's order and its logic, against hand-made cases and against all small situations."""

import itertools
import random
from dataclasses import replace

import pytest

from lopa_bench.mini import world
from lopa_bench.mini.deals import ASKED, askings, changed, random_deal, tellings
from lopa_bench.mini.logic import LABELS, Statement, contradicts, inference, relation


def test_order() -> None:
    assert world.path("beaver") == ("beaver", "rodent", "mammal", "animal")
    assert not world.is_a("animal", "beaver")
    assert world.disjoint("beaver", "fish")
    assert not world.disjoint("beaver", "mammal")


def test_no_word_has_two_meanings() -> None:
    groups = [world.KINDS, world.PLACES, world.QUALITIES, world.VERBS]
    assert len(world.PARENTS) == sum(map(len, groups))


@pytest.mark.parametrize(
    ("premise", "hypothesis", "label"),
    [
        (("some", "beaver"), ("some", "mammal"), "entailment"),
        (("some", "mammal"), ("some", "beaver"), "neutral"),
        (("no", "mammal"), ("no", "beaver"), "entailment"),
        (("no", "beaver"), ("no", "mammal"), "neutral"),
        (("some", "beaver"), ("no", "mammal"), "contradiction"),
        (("some", "mammal"), ("no", "beaver"), "neutral"),
        (("no", "mammal"), ("some", "beaver"), "contradiction"),
        (("some", "beaver"), ("some", "robin"), "neutral"),
    ],
)
def test_natural_logic(premise, hypothesis, label) -> None:
    p, h = (Statement(q, "Ann", "saw", kind) for q, kind in (premise, hypothesis))
    assert relation(p, h) == label
    assert relation(p, replace(h, agent="Ben")) == "neutral"


def test_individuals_are_of_one_kind() -> None:
    assert contradicts(Statement("some", "Rex", "is", "beaver"), Statement("some", "Rex", "is", "bird"))
    assert not contradicts(Statement("some", "Rex", "is", "beaver"), Statement("some", "Rex", "is", "mammal"))


def holds(statement: Statement, sights: tuple[tuple[str, str], ...]) -> bool:
    """Truth of "Ann saw some/no kind in place" when these are all the things that Ann saw."""
    seen = any(world.is_a(kind, statement.kind) and world.is_a(place, statement.place) for kind, place in sights)
    return seen == (statement.quantifier == "some")


def test_labels_agree_with_all_small_situations() -> None:
    land = world.path(world.entities().towns[0])[-1]
    town, sister = [town for town in world.entities().towns if land in world.path(town)][:2]
    elsewhere = next(place for place in world.PLACES if world.disjoint(place, land))
    things = list(itertools.product(("beaver", "vole", "robin"), (town, sister, elsewhere)))
    situations = [s for n in range(len(things) + 1) for s in itertools.combinations(things, n)]
    statements = [
        Statement(quantifier, "Ann", "saw", kind, place=place)
        for quantifier in ("some", "no")
        for kind in ("beaver", "rodent", "robin", "animal")
        for place in (None, town, land, elsewhere)
    ]
    for p, h in itertools.product(statements, statements):
        worlds = [holds(h, s) for s in situations if holds(p, s)]
        follows = "entailment" if all(worlds) else "neutral" if any(worlds) else "contradiction"
        assert relation(p, h) == follows, (p, h)


@pytest.mark.parametrize("label", LABELS)
def test_inference_gives_the_label_asked_for(label) -> None:
    rng = random.Random(0)
    for _ in range(200):
        assert relation(*inference(rng, world.entities("test"), label)) == label


def test_deals_told_from_both_sides() -> None:
    rng, who = random.Random(0), world.entities()
    for _ in range(300):
        deal = random_deal(rng, who)
        other = changed(rng, deal, who)
        assert not deal.means(other)
        assert not set(tellings(deal)) & set(tellings(other))
        assert len(set(tellings(deal))) > 1
        assert all(len(set(askings(deal, asked))) > 0 for asked in ASKED)


def test_splits_share_no_entity() -> None:
    parts = [world.entities(split) for split in world.SPLITS]
    for field in ("names", "kinds", "towns", "positive", "negative"):
        pools = [set(getattr(part, field)) for part in parts]
        assert sum(map(len, pools)) == len(set().union(*pools))
        assert set().union(*pools) == set(getattr(world.entities(), field))
