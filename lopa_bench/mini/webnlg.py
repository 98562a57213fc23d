"""mini WebNLG: sets of one to three triples about one entity, with seen and unseen categories.

Rows are entries of the WebNLG 2017 JSON files as the LoRA repository lays them out. Validation has
the categories of training, test those and others that training never saw, as in the original. No
subject is in two splits; objects are drawn from all, so that a subject of test may be an object in train.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from random import Random
from typing import Any

from lopa_bench.config.fields import SplitName
from lopa_bench.mini.partition import split_of

# split: (entries, texts of each). The test split is drawn last, so that more of it leaves train and validation as they are
SIZES: dict[SplitName, tuple[int, int]] = {"train": (800, 2), "validation": (75, 3), "test": (500, 3)}

PEOPLE = tuple(
    map(
        "_".join,
        product(
            "Anna Boris Clara David Elena Frank Greta Hugo Irene Jonas".split(),
            "Adler Brown Costa Dubois Evans Fischer Garcia Hansen Ivanov Jensen".split(),
        ),
    )
)
TOWNS = tuple(
    map(
        "".join,
        product(
            "Ash Black Clear Stone Green Hart King Lake Mill Oak".split(),
            ("field", "ford", "bridge", "wood", "port", "ton"),
        ),
    )
)
COUNTRIES = "Denmark Spain Italy France Poland Norway Ireland Austria Greece Japan".split()
YEARS = tuple(str(year) for year in range(1905, 2005, 3))
APOLLO = tuple(f"Apollo_{number}" for number in range(8, 18))
NUMBERS = tuple(str(number) for number in range(12, 96, 5))


def _named(kind: str) -> tuple[str, ...]:
    return tuple(f"{town}_{kind}" for town in TOWNS)


# category: (its entities, property: (its objects, ways to say it))
Properties = Mapping[str, tuple[Sequence[str], tuple[str, ...]]]
SEEN: Mapping[str, tuple[Sequence[str], Properties]] = {
    "Airport": (
        _named("Airport"),
        {
            "location": (TOWNS, ("is located in {}", "is found in {}")),
            "cityServed": (TOWNS, ("serves the city of {}", "serves {}")),
            "elevation": (NUMBERS, ("lies at {} metres", "has an elevation of {} metres")),
            "operatingOrganisation": (_named("Aviation"), ("is operated by {}", "is run by {}")),
        },
    ),
    "Astronaut": (
        PEOPLE,
        {
            "birthPlace": (TOWNS, ("was born in {}", "is from {}")),
            "birthYear": (YEARS, ("was born in the year {}", "has the birth year {}")),
            "mission": (APOLLO, ("flew on {}", "was a member of {}")),
            "nationality": (COUNTRIES, ("is a citizen of {}", "has the nationality of {}")),
        },
    ),
    "Building": (
        _named("Tower"),
        {
            "location": (TOWNS, ("is located in {}", "is found in {}")),
            "architect": (PEOPLE, ("was designed by {}", "has {} as its architect")),
            "floorCount": (NUMBERS, ("has {} floors", "has a floor count of {}")),
            "completionYear": (YEARS, ("was completed in {}", "was finished in {}")),
        },
    ),
    "City": (
        TOWNS,
        {
            "country": (COUNTRIES, ("is in {}", "is a city in {}")),
            "leader": (PEOPLE, ("is led by {}", "has {} as its leader")),
            "areaTotal": (NUMBERS, ("covers {} square kilometres", "has a total area of {}")),
        },
    ),
    "University": (
        _named("University"),
        {
            "location": (TOWNS, ("is located in {}", "is found in {}")),
            "established": (YEARS, ("was established in {}", "was founded in {}")),
            "president": (PEOPLE, ("is headed by {}", "has {} as its president")),
            "country": (COUNTRIES, ("is in {}", "lies in {}")),
        },
    ),
}
UNSEEN: Mapping[str, tuple[Sequence[str], Properties]] = {
    "Athlete": (
        PEOPLE,
        {
            "club": (_named("Rovers"), ("plays for {}", "is a player of {}")),
            "birthPlace": (TOWNS, ("was born in {}", "is from {}")),
            "debutYear": (YEARS, ("made a debut in {}", "first played in {}")),
        },
    ),
    "Politician": (
        PEOPLE,
        {
            "party": (_named("Party"), ("is a member of {}", "belongs to {}")),
            "successor": (PEOPLE, ("was succeeded by {}", "was followed by {}")),
            "birthYear": (YEARS, ("was born in the year {}", "has the birth year {}")),
        },
    ),
}


CATEGORIES = {**SEEN, **UNSEEN}

Fact = tuple[str, str, str]


def webnlg(seed: int = 0) -> dict[str, list[dict[str, Any]]]:
    """Entries per split, the same for every call with the same seed."""
    rng = Random(f"webnlg {seed}")
    splits: dict[str, list[dict[str, Any]]] = {}
    for split, (count, texts) in SIZES.items():
        entries: dict[str, dict[str, Any]] = {}
        while len(entries) < count:
            unseen = split == "test" and len(entries) % 2 == 0
            category = rng.choice(tuple(UNSEEN if unseen else SEEN))
            facts = draw_facts(rng, category, split)
            entries[str(facts)] = _entry(category, facts, verbalise(rng, category, facts, texts))
        for number, entry in enumerate(entries.values(), start=1):
            entry["xml_id"] = f"Id{number}"
        splits[split] = list(entries.values())
    return splits


def draw_facts(rng: Random, category: str, split: SplitName) -> list[Fact]:
    """One to three triples about one entity of ``split``."""
    entities, properties = CATEGORIES[category]
    subject = rng.choice([entity for entity in entities if split_of(entity) == split])
    chosen = rng.sample(sorted(properties), rng.randint(1, 3))
    return [(subject, name, rng.choice(properties[name][0])) for name in chosen]


def verbalise(rng: Random, category: str, facts: Sequence[Fact], count: int) -> list[str]:
    """Up to ``count`` different texts, each of which says every fact in one or two sentences."""
    texts = dict.fromkeys(_text(rng, category, facts) for _ in range(10 * count))
    return list(texts)[:count]


def _text(rng: Random, category: str, facts: Sequence[Fact]) -> str:
    properties = CATEGORIES[category][1]
    said = [rng.choice(properties[name][1]).format(value.replace("_", " ")) for _, name, value in facts]
    subject = facts[0][0].replace("_", " ")
    pronoun = f"This {category.lower()}"
    first, *rest = said
    if len(rest) == 1 and rng.random() < 0.6:
        return f"{subject} {first} and {rest[0]}."
    if len(rest) == 2 and rng.random() < 0.5:
        return f"{subject} {first} and {rest[0]}. {pronoun} {rest[1]}."
    second = f" {pronoun} {' and '.join(rest)}." if rest else ""
    return f"{subject} {first}.{second}"


def _entry(category: str, facts: Sequence[Fact], texts: Sequence[str]) -> dict[str, Any]:
    triples = [{"object": value, "property": name, "subject": subject} for subject, name, value in facts]
    return {
        "category": category,
        "dbpedialinks": [],
        "lexicalisations": [
            {"comment": "good", "lang": "", "lex": text, "xml_id": f"Id{number}"}
            for number, text in enumerate(texts, start=1)
        ],
        "links": [],
        "modifiedtripleset": triples,
        "originaltriplesets": {"originaltripleset": [triples]},
        "shape": "NA",
        "shape_type": "NA",
        "size": str(len(triples)),
        "xml_id": "",
    }
