"""What the surface alone gives: a logistic regression on words and a look-up of six counts, floors that a model must rise above."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_array

Splits = Mapping[str, Sequence[Mapping[str, Any]]]
# Text columns and label column of each task.
COLUMNS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "rte": (("sentence1", "sentence2"), "label"),
    "mnli": (("premise", "hypothesis"), "label"),
    "sst2": (("sentence",), "label"),
    "mrpc": (("#1 String", "#2 String"), "Quality"),
    "qqp": (("question1", "question2"), "is_duplicate"),
    "qnli": (("question", "sentence"), "label"),
}
SCORED_BY_F1_TOO = ("mrpc", "qqp")
NEGATIONS = ("no", "not", "never", "nobody")


def features(texts: Sequence[str]) -> set[str]:
    """Which words are in each text, which are in both, and how large the overlap is in tenths."""
    bags = [set(text.split()) for text in texts]
    found = {f"{i}:{word}" for i, bag in enumerate(bags) for word in bag}
    if len(bags) == 2:
        shared, union = bags[0] & bags[1], bags[0] | bags[1]
        found |= {f"both:{word}" for word in shared}
        found.add(f"overlap:{math.floor(10 * len(shared) / len(union))}")
    return found


def counts(texts: Sequence[str]) -> tuple[int, ...]:
    """Capitalised words that a text has alone, all words that it has alone, negations in it: each of both texts; one may be missing."""
    bags = [Counter(text.split()) for text in (*texts, "")[:2]]
    alone = (bags[0] - bags[1], bags[1] - bags[0])
    capitalised = (sum(n for word, n in bag.items() if word[0].isupper()) for bag in alone)
    return (*capitalised, *(bag.total() for bag in alone), *(sum(bag[word] for word in NEGATIONS) for bag in bags))


def look_up(task: str, splits: Splits) -> tuple[float, float]:
    """What the label of most training rows with the nearest `counts` gets on test, in percent.

    Returns:
        Accuracy, and the task's score: on MRPC and QQP the mean of accuracy and F1, else accuracy.
    """
    texts, labels = _read(task, splits["train"])
    seen, which = np.unique(np.array([*map(counts, texts)]), axis=0, return_inverse=True)
    votes = np.zeros((len(seen), labels.max() + 1), dtype=int)
    np.add.at(votes, (which.ravel(), labels), 1)
    texts, gold = _read(task, splits["test"])
    distance = np.abs(np.array([*map(counts, texts)])[:, None] - seen).sum(2)
    told = ((distance == distance.min(1, keepdims=True)) @ votes).argmax(1)
    accuracy = 100 * float((told == gold).mean())
    if task not in SCORED_BY_F1_TOO:
        return accuracy, accuracy
    return accuracy, accuracy / 2 + 100 * float((told & gold).sum() / (told.sum() + gold.sum()))


def bag_of_words(task: str, splits: Splits, steps: int = 300, decay: float = 1e-3) -> float:
    """Test accuracy in percent of softmax regression on `features`, trained on the train split."""
    texts, labels = _read(task, splits["train"])
    bags = [features(each) for each in texts]
    vocabulary = {word: i for i, word in enumerate(sorted(set().union(*bags)))}

    def matrix(bags: Sequence[set[str]]) -> csr_array:
        """A row of 0 and 1 for each text, and a last column of 1."""
        known = [[*(vocabulary[word] for word in bag if word in vocabulary), len(vocabulary)] for bag in bags]
        ends = np.cumsum([0, *map(len, known)])
        columns = np.concatenate(known)
        return csr_array((np.ones(len(columns), np.float32), columns, ends), shape=(len(known), len(vocabulary) + 1))

    x, y = matrix(bags), np.eye(labels.max() + 1, dtype=np.float32)[labels]
    weights = np.zeros((x.shape[1], y.shape[1]), dtype=np.float32)
    velocity = np.zeros_like(weights)
    transposed = x.T.tocsr()
    for _ in range(steps):
        scores = x @ weights
        p = np.exp(scores - scores.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        velocity = 0.9 * velocity - 0.1 * (transposed @ (p - y) / len(y) + decay * weights)
        weights += velocity
    texts, gold = _read(task, splits["test"])
    hits = (matrix([features(each) for each in texts]) @ weights).argmax(1) == gold
    return 100 * float(hits.mean())


def _read(task: str, rows: Sequence[Mapping[str, Any]]) -> tuple[list[list[str]], np.ndarray]:
    """The texts of each row, and the number of its label in the order of the labels' names."""
    columns, label = COLUMNS[task]
    _, numbers = np.unique([row[label] for row in rows], return_inverse=True)
    return [[row[column] for column in columns] for row in rows], numbers
