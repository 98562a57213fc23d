"""What words alone give: a bag-of-words logistic regression, the floor a model must rise above."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from lopa_bench.mini import records

# Text columns and label column of each task.
COLUMNS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "rte": (("sentence1", "sentence2"), "label"),
    "mnli": (("premise", "hypothesis"), "label"),
    "sst2": (("sentence",), "label"),
    "mrpc": (("#1 String", "#2 String"), "Quality"),
    "qqp": (("question1", "question2"), "is_duplicate"),
    "qnli": (("question", "sentence"), "label"),
}


def features(texts: Sequence[str]) -> set[str]:
    """Which words are in each text, which are in both, and how large the overlap is in tenths."""
    bags = [set(text.split()) for text in texts]
    found = {f"{i}:{word}" for i, bag in enumerate(bags) for word in bag}
    if len(bags) == 2:
        shared, union = bags[0] & bags[1], bags[0] | bags[1]
        found |= {f"both:{word}" for word in shared}
        found.add(f"overlap:{math.floor(10 * len(shared) / len(union))}")
    return found


def bag_of_words(task: str, steps: int = 300, decay: float = 1e-3) -> float:
    """Test accuracy in percent of softmax regression on `features`, trained on the train split."""
    columns, label = COLUMNS[task]
    splits = records(task)
    names = sorted({row[label] for row in splits["train"]})
    bags = {split: [features([row[column] for column in columns]) for row in rows] for split, rows in splits.items()}
    vocabulary = {word: i for i, word in enumerate(sorted(set().union(*bags["train"])))}

    def matrix(split: str) -> csr_array:
        """A row of 0 and 1 for each text, and a last column of 1."""
        known = [[*(vocabulary[word] for word in bag if word in vocabulary), len(vocabulary)] for bag in bags[split]]
        ends = np.cumsum([0, *map(len, known)])
        columns = np.concatenate(known)
        return csr_array((np.ones(len(columns), np.float32), columns, ends), shape=(len(known), len(vocabulary) + 1))

    def gold(rows: Sequence[Mapping[str, Any]]) -> np.ndarray:
        return np.array([names.index(row[label]) for row in rows])

    x, y = matrix("train"), np.eye(len(names), dtype=np.float32)[gold(splits["train"])]
    weights = np.zeros((x.shape[1], len(names)), dtype=np.float32)
    velocity = np.zeros_like(weights)
    transposed = x.T.tocsr()
    for _ in range(steps):
        scores = x @ weights
        p = np.exp(scores - scores.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        velocity = 0.9 * velocity - 0.1 * (transposed @ (p - y) / len(y) + decay * weights)
        weights += velocity
    hits = (matrix("test") @ weights).argmax(1) == gold(splits["test"])
    return 100 * float(hits.mean())
