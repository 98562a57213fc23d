"""Six tasks in GLUE's shape over the embedded world.

Names, leaf kinds, towns and adjectives of opinion are divided among the splits (`world.entities`), so no
row of validation or test speaks of a person, a town or a leaf kind that train knows. Labels are
drawn first, at the balance of the original task, and rows are made to fit them.
"""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lopa_bench.mini.deals import ASKED, askings, changed, random_deal, tellings
from lopa_bench.mini.logic import (
    LABELS,
    Label,
    Statement,
    edited,
    elsewhere,
    entails,
    inference,
    random_statement,
)
from lopa_bench.mini.reviews import review
from lopa_bench.mini.surface import ASKABLE, ask, say
from lopa_bench.mini.world import SEED, SPLITS, Entities, entities

# Rows in blocks, each with the task's balance of labels; a block that is added later leaves those before it as they are.
SIZES = {"train": (2400,), "validation": (400,), "test": (800, 1200)}
Row = dict[str, Any]
Maker = Callable[[random.Random, Entities, int], Row]


def _rows(task: str, make: Maker, shares: tuple[float, ...], fresh: int) -> dict[str, list[Row]]:
    """The splits of a task: label number i makes up `shares[i]` of each, in random order.

    Makers put the label last; no two rows of the task have the same texts.

    Args:
        fresh: so many rows of the second test split in place of the first: a further block, of which no text is in the first.
    """
    sizes = {**SIZES, "test": (*SIZES["test"], fresh)} if fresh else SIZES
    splits: dict[str, list[Row]] = {split: [] for split in SPLITS}
    seen = set()
    for split in SPLITS:
        for block, size in enumerate(sizes[split]):
            rng, who = random.Random(f"{task}-{split}-{SEED}{f'-{block}' if block else ''}"), entities(split)
            for label in _labels(rng, shares, size):
                row = make(rng, who, label)
                while (texts := tuple(row.values())[:-1]) in seen:
                    row = make(rng, who, label)
                seen.add(texts)
                splits[split].append(row)
    return {**splits, "test": splits["test"][-fresh:]} if fresh else splits


def _labels(rng: random.Random, shares: tuple[float, ...], size: int) -> list[int]:
    """Label numbers, each its share, in random order."""
    labels = [i for i, share in enumerate(shares) for _ in range(round(share * size))][:size]
    labels += [len(shares) - 1] * (size - len(labels))
    rng.shuffle(labels)
    return labels


def _indexed(splits: dict[str, list[Row]]) -> dict[str, list[Row]]:
    return {split: [{"index": i, **row} for i, row in enumerate(rows)] for split, rows in splits.items()}


def rte(fresh: int = 0) -> dict[str, list[Row]]:
    """Does the second sentence follow from the first? 50/50."""

    def make(rng: random.Random, who: Entities, label: int) -> Row:
        others: list[Label] = ["neutral", "neutral", "neutral", "contradiction"]
        other = rng.choice(others)  # drawn in both cases, so that the rows do not depend on each other's labels
        relation: Label = "entailment" if label else other
        premise, hypothesis = inference(rng, who, relation, mixed=0)
        return {
            "sentence1": f"{say(premise, rng)} .",
            "sentence2": f"{say(hypothesis, rng)} .",
            "label": ("not_entailment", "entailment")[label],
        }

    return _indexed(_rows("rte", make, (0.5, 0.5), fresh))


def mnli(fresh: int = 0) -> dict[str, list[Row]]:
    """Does the hypothesis follow, contradict, or neither? A third each."""

    def make(rng: random.Random, who: Entities, label: int) -> Row:
        premise, hypothesis = inference(rng, who, LABELS[label])
        return {
            "premise": f"{say(premise, rng)} .",
            "hypothesis": f"{say(hypothesis, rng)} .",
            "label": LABELS[label],
        }

    return _rows("mnli", make, (1 / 3, 1 / 3, 1 / 3), fresh)


def sst2(fresh: int = 0) -> dict[str, list[Row]]:
    """Is the review favourable? 56 % are."""

    def make(rng: random.Random, who: Entities, label: int) -> Row:
        return {
            "sentence": review(rng, who, ("negative", "positive")[label]),
            "label": str(label),
        }

    return _rows("sst2", make, (0.44, 0.56), fresh)


def mrpc(fresh: int = 0) -> dict[str, list[Row]]:
    """Do two sentences say the same? 68 % do."""

    def make(rng: random.Random, who: Entities, label: int) -> Row:
        deal = random_deal(rng, who)
        other = deal if label else changed(rng, deal, who)
        one, two = rng.choice(tellings(deal)), rng.choice(tellings(other))
        while one == two:
            two = rng.choice(tellings(other))
        return {"#1 String": f"{one} .", "#2 String": f"{two} .", "Quality": str(label)}

    return _rows("mrpc", make, (0.32, 0.68), fresh)


def questions(rng: random.Random, who: Entities, same: bool, turn: float = 0.15) -> tuple[str, str]:
    """Two questions, without the question mark, that want the same answer in every world, or not."""
    deal, asked = random_deal(rng, who), rng.choice(ASKED)
    first = askings(deal, asked)
    second = first
    while not same and set(first) & set(second):
        other = changed(rng, deal, who, turn)
        second = rng.choices([askings(other, asked), askings(deal, rng.choice(ASKED))], [1, 1])[0]
    one, two = rng.choice(first), rng.choice(second)
    return (one, two) if one != two else questions(rng, who, same, turn)


def qqp(fresh: int = 0) -> dict[str, list[Row]]:
    """Do two questions ask the same? 37 % do."""

    def make(rng: random.Random, who: Entities, label: int) -> Row:
        one, two = questions(rng, who, same=bool(label))
        return {"question1": f"{one} ?", "question2": f"{two} ?", "is_duplicate": str(label)}

    return _rows("qqp", make, (0.63, 0.37), fresh)


def answers(told: Statement, asked: Statement, slot: str) -> bool:
    """Whether a statement tells what was asked about `slot` of the question's statement.

    A kind tells more than the class that was asked for; a statement without an agent is passive.
    """
    tells = {
        "agent": bool(told.agent),
        "kind": told.kind != asked.kind,
        "place": told.place is not None,
        "count": told.count > 1,
    }
    return tells[slot] and entails(replace(told, agent=asked.agent), asked)


def _without(told: Statement, asked: Statement, slot: str) -> Statement:
    """The statement with what was asked left out."""
    without = {
        "agent": replace(told, agent=""),
        "kind": replace(told, kind=asked.kind),
        "place": replace(told, place=None),
        "count": replace(told, count=1),
    }
    return without[slot]


def answering(rng: random.Random, who: Entities, label: bool, lacks: float) -> tuple[Statement, str, Statement]:
    """The statement asked about, the slot asked for, and a statement that answers or does not.

    A question without an answer is an answered one of which the statement leaves out what was asked
    (a share `lacks`) or speaks of another thing.
    """
    slot, edits, left_out = rng.choice(ASKABLE), rng.choice([1, 1, 2]), rng.random() < lacks
    while True:
        told = random_statement(rng, who, "some", "event")
        asked = replace(edited(rng, told, who, edits), count=1)
        if slot == "place":
            asked = replace(asked, place=None)
        if not answers(told, asked, slot):
            continue
        if not label:
            told = _without(told, asked, slot) if left_out else elsewhere(rng, told, who)
        if label == answers(told, asked, slot):
            return asked, slot, told


def qnli(fresh: int = 0) -> dict[str, list[Row]]:
    """Does the sentence answer the question? 50/50."""

    def make(rng: random.Random, who: Entities, label: int) -> Row:
        asked, slot, told = answering(rng, who, bool(label), lacks=0.5)
        return {
            "question": f"{ask(asked, slot, rng)} ?",
            "sentence": f"{say(told, rng)} .",
            "label": ("not_entailment", "entailment")[label],
        }

    return _indexed(_rows("qnli", make, (0.5, 0.5), fresh))
