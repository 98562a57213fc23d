"""mini E2E: restaurants as meaning representations over the original's eight attributes.

Rows carry the columns of the E2E challenge's CSV files (Novikova et al., 2017): ``mr`` and ``ref``,
one row for each reference. Neither a name nor a set of attribute values is in two splits.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from lopa_bench.config.fields import SplitName
from lopa_bench.mini.partition import split_of

# (split, meaning representations, references of each), drawn one after the other: what is added at the end leaves the rows before it.
BLOCKS: tuple[tuple[SplitName, int, int], ...] = (
    *(("train", 800, 2), ("validation", 50, 4), ("test", 100, 5)),
    ("test", 400, 5),
)

VALUES = {
    "eatType": ("restaurant", "pub", "coffee shop"),
    "food": ("Italian", "French", "Chinese", "English", "Indian", "Japanese", "Fast food"),
    "priceRange": ("cheap", "moderate", "high", "less than £20", "£20-25", "more than £30"),
    "customer rating": ("low", "average", "high", "1 out of 5", "3 out of 5", "5 out of 5"),
    "area": ("city centre", "riverside"),
    "familyFriendly": ("yes", "no"),
}
CHANCE = {
    "food": 0.8,
    "priceRange": 0.6,
    "customer rating": 0.6,
    "area": 0.6,
    "familyFriendly": 0.5,
    "near": 0.5,
}
FIRST = "Blue Golden Green Silver Royal Old Happy Little Grand Red White Lucky Quiet Wild".split()
LAST = "Palace Spice Garden Mill Phoenix Dolphin Lantern Kitchen Table Barrel Anchor Swan".split()
LANDMARKS = (
    "Café Rosso",
    "Café Lumière",
    "Crown Bakery",
    "the Station Hotel",
    "Raja House",
    "the Market Hall",
    "Express Diner",
    "The Sorrel",
    "All Bar Two",
    "Rainbow Grill",
)

Restaurant = dict[str, str]


def e2e(seed: int = 0) -> dict[str, list[dict[str, Any]]]:
    """Rows per split, the same for every call with the same seed."""
    rng = Random(f"e2e {seed}")
    splits: dict[str, list[dict[str, Any]]] = {split: [] for split, *_ in BLOCKS}
    for split, count, references in BLOCKS:
        drawn: dict[str, Restaurant] = {}
        known = {row["mr"] for row in splits[split]}
        while len(drawn) < count:
            restaurant = draw_restaurant(rng, split)
            if meaning(restaurant) not in known:
                drawn[meaning(restaurant)] = restaurant
        splits[split] += [
            {"mr": mr, "ref": reference}
            for mr, restaurant in drawn.items()
            for reference in describe(rng, restaurant, references)
        ]
    return splits


def draw_restaurant(rng: Random, split: SplitName) -> Restaurant:
    """A restaurant whose name and whose other attributes both belong to ``split``."""
    names = [name for name in _names() if split_of(name) == split]
    while True:
        facts = {"eatType": rng.choice(VALUES["eatType"])}
        for attribute, chance in CHANCE.items():
            if rng.random() < chance:
                facts[attribute] = rng.choice(VALUES.get(attribute, LANDMARKS))
        if split_of(meaning(facts)) == split and len(facts) > 2:
            return {"name": rng.choice(names), **facts}


def _names() -> Iterator[str]:
    for first in FIRST:
        for last in LAST:
            yield f"{first} {last}" if len(first) % 2 else f"The {first} {last}"


def meaning(restaurant: Restaurant) -> str:
    """The meaning representation: ``name[Blue Spice], eatType[pub], near[Café Rosso]``."""
    return ", ".join(f"{attribute}[{value}]" for attribute, value in restaurant.items())


def describe(rng: Random, restaurant: Restaurant, count: int) -> list[str]:
    """Up to ``count`` different texts, each of which says all that is known of the restaurant."""
    texts = dict.fromkeys(_text(rng, restaurant) for _ in range(10 * count))
    return list(texts)[:count]


def _text(rng: Random, restaurant: Restaurant) -> str:
    """The place and its kind in a first sentence, its price, rating and guests in others."""
    name, near, area = (restaurant.get(key) for key in ("name", "near", "area"))
    kind = restaurant["eatType"]
    food = restaurant.get("food")
    cuisine = food and (food.lower() if food == "Fast food" else f"{food} food")
    places = [f"in the {area}" if area == "city centre" else "by the riverside"] if area else []
    if near:
        places.append(rng.choice(("near", "close to")) + f" {near}")
    place = " ".join(places)
    serving = rng.choice((f"serving {cuisine}", f"that serves {cuisine}")) if cuisine else ""
    if place and rng.random() < 0.3:
        first = [place[0].upper() + place[1:], "there is a", kind, "called", name, serving]
    else:
        first = [name, "is a", kind, serving, place]
    sentences = [" ".join(word for word in first if word)]

    price, rating = restaurant.get("priceRange"), restaurant.get("customer rating")
    price_range = price and _price(rng, price)
    rated = rating and f"{_article(rating)} {rating} customer rating"
    if price_range and rated and rng.random() < 0.6:
        sentences.append(f"It has {price_range} and {rated}")
    else:
        sentences += [f"It has {fact}" for fact in (price_range, rated) if fact]
    if friendly := restaurant.get("familyFriendly"):
        negation = " not" if friendly == "no" else ""
        predicate = rng.choice(("family-friendly", "child friendly"))
        sentences.append(f"It is{negation} {predicate}")
    return ". ".join(sentences) + "."


def _price(rng: Random, price: str) -> str:
    if price == "cheap":
        return rng.choice(("cheap prices", "a cheap price range"))
    if "£" in price:
        return rng.choice((f"prices of {price}", f"a price range of {price}"))
    return rng.choice((f"{price} prices", f"a {price} price range"))


def _article(rating: str) -> str:
    return "an" if rating == "average" else "a"
