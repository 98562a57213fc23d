"""The running text that the embedded models are pretrained on.

Facts, stories, exchanges and reviews, one passage a line. Exchanges ask in wordings that differ
from every task's template and are answered by the words that the tasks later use as labels.
"""

import random
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from lopa_bench.mini.deals import changed, random_deal, tellings
from lopa_bench.mini.glue import answering, questions
from lopa_bench.mini.logic import LABELS, inference
from lopa_bench.mini.reviews import Sentiment, review, work
from lopa_bench.mini.surface import article, ask, say
from lopa_bench.mini.world import (
    KINDS,
    PARENTS,
    PLACES,
    QUALITIES,
    SEED,
    VERBS,
    disjoint,
    entities,
    parent_of,
    path,
    plural,
)


def _rarer_and_rarer(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words as often as a word of their rank comes up: the first far more than the last."""
    return tuple(word for i, word in enumerate(words) for _ in range(1 + 40 // (i + 1)))


_EVERYONE = replace(
    entities(),
    positive=_rarer_and_rarer(entities().positive),
    negative=_rarer_and_rarer(entities().negative),
)


@cache
def _near(kind: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Kinds that exclude this one under the same top, and those under the same parent."""
    beside = [word for word in KINDS if disjoint(word, kind) and path(word)[-1] == path(kind)[-1]]
    return tuple(beside), tuple(word for word in beside if KINDS[word] == KINDS[kind])


def _kind_fact(rng: random.Random) -> str:
    kind = rng.choice([word for word, parent in KINDS.items() if parent])
    above = rng.choice(path(kind)[1:])
    beside, siblings = _near(kind)
    other = rng.choice(beside)
    return rng.choice(
        [
            f"{article(kind)} is {article(above)}",
            f"every {kind} is {article(above)}",
            f"{plural(kind)} are {plural(above)}",
            f"{plural(kind)} and {plural(rng.choice(siblings))} are {plural(parent_of(kind))}",
            f"no {kind} is {article(other)}",
            f"{article(kind)} is not {article(other)}",
        ]
    )


def _place_fact(rng: random.Random) -> str:
    place = rng.choice([word for word, parent in PLACES.items() if parent])
    other = rng.choice([word for word in PLACES if disjoint(word, place)])
    return rng.choice(
        [
            f"{place} lies in {rng.choice(path(place)[1:])}",
            f"{place} is a part of {rng.choice(path(place)[1:])}",
            f"{place} does not lie in {other}",
        ]
    )


def _word_fact(rng: random.Random) -> str:
    if rng.random() < 0.5:
        quality = rng.choice([word for word, parent in QUALITIES.items() if parent])
        return f"{article(quality)} thing is {article(parent_of(quality))} thing"
    verb = rng.choice([word for word in VERBS if PARENTS[word]])
    return f"to {VERBS[verb].base} is to {VERBS[parent_of(verb)].base}"


def facts(rng: random.Random, easy: float) -> str:
    """What is what and where is where."""
    sorts = [_kind_fact, _place_fact, _word_fact]
    return " . ".join(f(rng) for f in rng.choices(sorts, [6, 3, 1], k=3)) + " ."


_CONNECTIVES = {
    "entailment": ("{p} , so {h} .", "{p} . therefore {h} ."),
    "neutral": ("{p} , but perhaps not : {h} .", "{p} , yet nobody knows whether {h} ."),
    "contradiction": ("{p} , so it is false that {h} .", "{p} . it is wrong that {h} ."),
}


def story(rng: random.Random, easy: float) -> str:
    """A conclusion drawn in running text."""
    label = rng.choices(LABELS, [3, 1, 1])[0]
    premise, hypothesis = inference(rng, _EVERYONE, label, easy=easy)
    return rng.choice(_CONNECTIVES[label]).format(p=say(premise, rng), h=say(hypothesis, rng))


_TRUTH = (
    "{p} . is it true that {h} ? {a} .",
    "{p} . so {h} ? {a} .",
    "given that {p} , can we say that {h} ? {a} .",
    "he said that {p} . she asked whether {h} . {a} , he replied .",
    "is it the case that {h} , when {p} ? {a} .",
)
_MUST = (
    "{p} . does it follow that {h} ? {a} .",
    "if {p} , must it be that {h} ? {a} .",
    "must it be that {h} if {p} ? {a} .",
)
_TRUTH_WORDS = {"entailment": "Yes", "neutral": "Maybe", "contradiction": "No"}


def inference_exchange(rng: random.Random, easy: float) -> str:
    """What follows, asked and answered: by three words for truth, by two for necessity."""
    if rng.random() < 0.55:
        label = rng.choice(LABELS)
        form, word = rng.choice(_TRUTH), _TRUTH_WORDS[label]
    else:
        label = rng.choice(["entailment", "entailment", "neutral", "contradiction"])
        form, word = rng.choice(_MUST), "Yes" if label == "entailment" else "No"
    premise, hypothesis = inference(rng, _EVERYONE, label, easy=easy)
    return form.format(p=say(premise, rng), h=say(hypothesis, rng), a=word)


_SAME = (
    "{p} . {h} . do both say the same ? {a} .",
    "does it mean the same to say that {p} and that {h} ? {a} .",
    "one wrote that {p} , another that {h} . did they agree ? {a} .",
)


def paraphrase_exchange(rng: random.Random, easy: float) -> str:
    """The same told twice, or things told much alike."""
    deal, same = random_deal(rng, _EVERYONE), rng.random() < 0.5
    other = deal if same else changed(rng, deal, _EVERYONE, turn=0.3 * (1 - easy))
    one, two = rng.choice(tellings(deal)), rng.choice(tellings(other))
    if same and rng.random() < 0.3:
        return f"{one} , in other words {two} ."
    return rng.choice(_SAME).format(p=one, h=two, a="Yes" if same else "No")


_ALIKE = (
    "he asked : {p} ? she asked : {h} ? was it the same question ? {a} .",
    "to ask {p} is to ask {h} . is that right ? {a} .",
    "{p} ? {h} ? do both want the same answer ? {a} .",
)


def question_exchange(rng: random.Random, easy: float) -> str:
    """Two questions, and whether they ask the same."""
    same = rng.random() < 0.5
    one, two = questions(rng, _EVERYONE, same, turn=0.3 * (1 - easy))
    return rng.choice(_ALIKE).format(p=one, h=two, a="Yes" if same else "No")


_ANSWERED = (
    "he asked : {q} ? she said : {s} . was that an answer ? {a} .",
    "{s} . does this tell us {q} ? {a} .",
    "she wondered {q} . then she read that {s} . was she any wiser ? {a} .",
)


def answer_exchange(rng: random.Random, easy: float) -> str:
    """A question, a reply, and whether the reply answers it."""
    fits = rng.random() < 0.5
    asked, slot, told = answering(rng, _EVERYONE, fits, lacks=0.75)
    return rng.choice(_ANSWERED).format(q=ask(asked, slot, rng), s=say(told, rng), a="Yes" if fits else "No")


_VERDICTS = (
    "{r} . all in all a {v} evening .",
    "{r} , so {n} thought {w} {v} .",
    "what did they say of {w} ? {r} . in short : {v} .",
    "a {v} piece of work : {r} .",
)


def verdict(rng: random.Random, easy: float) -> str:
    """A review and the word it comes down to."""
    sentiments: list[Sentiment] = ["positive", "negative"]
    sentiment = rng.choice(sentiments)
    return rng.choice(_VERDICTS).format(
        r=review(rng, _EVERYONE, sentiment, easy),
        n=rng.choice(_EVERYONE.names),
        w=work(rng),
        v="great" if sentiment == "positive" else "terrible",
    )


EASY_AT_START, EASY_AT_END = 0.95, 0.25
MIXTURE = {
    facts: 0.08,
    story: 0.04,
    inference_exchange: 0.42,
    paraphrase_exchange: 0.13,
    question_exchange: 0.12,
    answer_exchange: 0.13,
    verdict: 0.08,
}


def passages(words: int, seed: int = SEED) -> Iterator[str]:
    """Passages of running text, until there are at least this many words of it.

    The text grows harder from start to end. Every label of the tasks depends on several words at
    once; a small model that meets nothing easier finds no first step and never leaves chance.
    """
    rng = random.Random(f"corpus-{seed}")
    sorts, shares = list(MIXTURE), list(MIXTURE.values())
    written = 0
    while written < words:
        easy = EASY_AT_START + (EASY_AT_END - EASY_AT_START) * written / words
        passage = rng.choices(sorts, shares)[0](rng, easy)
        written += passage.count(" ") + 1
        yield passage
