"""The running text that the embedded models are pretrained on.

Facts, stories, exchanges and reviews, one passage a line. Exchanges ask in wordings that differ
from every task's template and are answered by the words that the tasks later use as labels.
"""

import random
from collections.abc import Iterator

from lopa_bench.mini.deals import changed, random_deal, tellings
from lopa_bench.mini.glue import answering, questions
from lopa_bench.mini.logic import LABELS, inference
from lopa_bench.mini.reviews import review, work
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
    path,
    plural,
)

_EVERYONE = entities()


def _kind_fact(rng: random.Random) -> str:
    kind = rng.choice([word for word, parent in KINDS.items() if parent])
    above = rng.choice(path(kind)[1:])
    beside = [word for word in KINDS if disjoint(word, kind) and path(word)[-1] == path(kind)[-1]]
    other = rng.choice(beside)
    siblings = [word for word in KINDS if KINDS[word] == KINDS[kind] and word != kind]
    return rng.choice(
        [
            f"{article(kind)} is {article(above)}",
            f"every {kind} is {article(above)}",
            f"{plural(kind)} are {plural(above)}",
            f"{plural(kind)} and {plural(rng.choice(siblings or [kind]))} are {plural(KINDS[kind])}",
            f"no {kind} is {article(other)}",
            f"{article(kind)} is not {article(other)}",
            f"not every {above} is {article(kind)}",
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
        return f"{article(quality)} thing is {article(PARENTS[quality])} thing"
    verb = rng.choice([word for word in VERBS if PARENTS[word]])
    return f"to {VERBS[verb].base} is to {VERBS[PARENTS[verb]].base}"


def facts(rng: random.Random) -> str:
    """What is what and where is where."""
    sorts = [_kind_fact, _place_fact, _word_fact]
    return " . ".join(f(rng) for f in rng.choices(sorts, [6, 3, 1], k=5)) + " ."


_CONNECTIVES = {
    "entailment": ("{p} , so {h} .", "{p} . therefore {h} ."),
    "neutral": ("{p} , but perhaps not : {h} .", "{p} , yet nobody knows whether {h} ."),
    "contradiction": ("{p} , so it is false that {h} .", "{p} . it is wrong that {h} ."),
}


def story(rng: random.Random) -> str:
    """Conclusions drawn in running text."""
    sentences = []
    for label in rng.choices(LABELS, [3, 1, 1], k=2):
        premise, hypothesis = inference(rng, _EVERYONE, label)
        form = rng.choice(_CONNECTIVES[label])
        sentences.append(form.format(p=say(premise, rng), h=say(hypothesis, rng)))
    return " ".join(sentences)


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


def inference_exchange(rng: random.Random) -> str:
    """What follows, asked and answered: by three words for truth, by two for necessity."""
    turns = []
    for _ in range(2):
        if rng.random() < 0.55:
            label = rng.choice(LABELS)
            form, word = rng.choice(_TRUTH), _TRUTH_WORDS[label]
        else:
            label = rng.choice(["entailment", "entailment", "neutral", "contradiction"])
            form, word = rng.choice(_MUST), "Yes" if label == "entailment" else "No"
        premise, hypothesis = inference(rng, _EVERYONE, label)
        turns.append(form.format(p=say(premise, rng), h=say(hypothesis, rng), a=word))
    return " ".join(turns)


_SAME = (
    "{p} . {h} . do both say the same ? {a} .",
    "does it mean the same to say that {p} and that {h} ? {a} .",
    "one wrote that {p} , another that {h} . did they agree ? {a} .",
)


def paraphrase_exchange(rng: random.Random) -> str:
    """The same told twice, and things told much alike."""
    turns = []
    for _ in range(2):
        deal, same = random_deal(rng, _EVERYONE), rng.random() < 0.5
        other = deal if same else changed(rng, deal, _EVERYONE)
        one, two = rng.choice(tellings(deal)), rng.choice(tellings(other))
        if same and rng.random() < 0.3:
            turns.append(f"{one} , in other words {two} .")
        else:
            turns.append(rng.choice(_SAME).format(p=one, h=two, a="Yes" if same else "No"))
    return " ".join(turns)


_ALIKE = (
    "he asked : {p} ? she asked : {h} ? was it the same question ? {a} .",
    "to ask {p} is to ask {h} . is that right ? {a} .",
    "{p} ? {h} ? do both want the same answer ? {a} .",
)


def question_exchange(rng: random.Random) -> str:
    """Two questions, and whether they ask the same."""
    turns = []
    for _ in range(2):
        same = rng.random() < 0.5
        one, two = questions(rng, _EVERYONE, same)
        turns.append(rng.choice(_ALIKE).format(p=one, h=two, a="Yes" if same else "No"))
    return " ".join(turns)


_ANSWERED = (
    "he asked : {q} ? she said : {s} . was that an answer ? {a} .",
    "{s} . does this tell us {q} ? {a} .",
    "she wondered {q} . then she read that {s} . was she any wiser ? {a} .",
)


def answer_exchange(rng: random.Random) -> str:
    """A question, a reply, and whether the reply answers it."""
    turns = []
    for _ in range(2):
        fits = rng.random() < 0.5
        asked, slot, told = answering(rng, _EVERYONE, fits)
        turns.append(
            rng.choice(_ANSWERED).format(
                q=ask(asked, slot, rng), s=say(told, rng), a="Yes" if fits else "No"
            )
        )
    return " ".join(turns)


_VERDICTS = (
    "{r} . all in all a {v} evening .",
    "{r} , so {n} thought {w} {v} .",
    "what did they say of {w} ? {r} . in short : {v} .",
    "a {v} piece of work : {r} .",
)


def verdict(rng: random.Random) -> str:
    """Reviews and the word they come down to."""
    turns = []
    for _ in range(2):
        sentiment = rng.choice(["positive", "negative"])
        turns.append(
            rng.choice(_VERDICTS).format(
                r=review(rng, _EVERYONE, sentiment),
                n=rng.choice(_EVERYONE.names),
                w=work(rng),
                v="great" if sentiment == "positive" else "terrible",
            )
        )
    return " ".join(turns)


MIXTURE = {
    facts: 0.14,
    story: 0.1,
    inference_exchange: 0.34,
    paraphrase_exchange: 0.12,
    question_exchange: 0.1,
    answer_exchange: 0.1,
    verdict: 0.1,
}


def passages(words: int, seed: int = SEED) -> Iterator[str]:
    """Passages of running text, until there are at least this many words of it."""
    rng = random.Random(f"corpus-{seed}")
    sorts, shares = list(MIXTURE), list(MIXTURE.values())
    while words > 0:
        passage = rng.choices(sorts, shares)[0](rng)
        words -= passage.count(" ") + 1
        yield passage


