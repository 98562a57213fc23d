"""The world's order and its logic, against hand-made cases and an independent model check."""

import itertools
import random
from dataclasses import replace

import pytest

from lopa_bench.mini import world
from lopa_bench.mini.deals import ASKED, askings, changed, random_deal, tellings
from lopa_bench.mini.logic import LABELS, Statement, contradicts, entails, inference, relation


def test_order() -> None:
    assert world.is_a("otter" if "otter" in world.KINDS else "beaver", "animal")
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
        (("every", "mammal"), ("every", "beaver"), "entailment"),
        (("every", "beaver"), ("some", "mammal"), "entailment"),
        (("some", "beaver"), ("no", "mammal"), "contradiction"),
        (("some", "mammal"), ("no", "beaver"), "neutral"),
        (("no", "mammal"), ("some", "beaver"), "contradiction"),
        (("every", "beaver"), ("no", "animal"), "contradiction"),
        (("some", "beaver"), ("some", "robin"), "neutral"),
    ],
)
def test_natural_logic(premise, hypothesis, label) -> None:
    p, h = (Statement(q, "Ann", "saw", kind) for q, kind in (premise, hypothesis))
    assert relation(p, h) == label
    assert relation(p, replace(h, agent="Ben")) == "neutral"


def test_individuals_are_of_one_kind() -> None:
    assert contradicts(
        Statement("some", "Rex", "is", "beaver"), Statement("some", "Rex", "is", "bird")
    )
    assert not contradicts(
        Statement("some", "Rex", "is", "beaver"), Statement("some", "Rex", "is", "mammal")
    )


def holds(statement: Statement, sights: frozenset[tuple[str, str]]) -> bool:
    """Truth of "Ann saw QUANTIFIER kind" in a situation: pairs of a leaf kind and seen/unseen."""
    seen = [status == "seen" for kind, status in sights if world.is_a(kind, statement.kind)]
    if statement.quantifier == "every":
        return bool(seen) and all(seen)
    return any(seen) == (statement.quantifier == "some")


def test_entailment_and_contradiction_agree_with_all_small_situations() -> None:
    things = list(itertools.product(("beaver", "vole", "robin"), ("seen", "unseen")))
    situations = [
        frozenset(s) for n in range(len(things) + 1) for s in itertools.combinations(things, n)
    ]
    statements = [
        Statement(q, "Ann", "saw", kind)
        for q in ("some", "no", "every")
        for kind in ("beaver", "rodent", "mammal", "robin", "animal")
    ]
    for p, h in itertools.product(statements, statements):
        # what either side's "every" speaks of is taken to exist
        spoken = [s.kind for s in (p, h) if s.quantifier == "every"]
        possible = [
            s for s in situations if all(any(world.is_a(k, x) for k, _ in s) for x in spoken)
        ]
        truths = [(holds(p, s), holds(h, s)) for s in possible]
        if entails(p, h):
            assert all(b for a, b in truths if a), (p, h)
        if contradicts(p, h):
            assert not any(a and b for a, b in truths), (p, h)


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
