"""The logistic regression of `encoder_probe`: its model, and how it is solved."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax
from torch import Tensor, nn

from lopa_bench.methods.adapted import AdaptedModel
from lopa_bench.methods.instance_encoder import InstanceEncoder
from lopa_bench.models.backbone import Backbone
from lopa_bench.models.batches import Batch, Split

PENALTIES = (1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5)  # λ of λ/2 ‖W‖², strongest first, on features of mean 0 and variance 1
HELD_OUT = 5  # every fifth training row chooses among them
NO_ANSWER = -1e4  # the logit of words that are no answer

Matrix = NDArray[np.float64]
Classes = NDArray[np.int64]


class EncoderProbeModel(AdaptedModel):
    """Logits of the label words from the instance features alone; the backbone gives its vocabulary and is not run."""

    def __init__(self, backbone: Backbone, encoder: InstanceEncoder, words: Sequence[str]) -> None:
        super().__init__(backbone, encoder)
        self.words = tuple(words)
        self.linear = nn.Linear(encoder.width, len(words), device=backbone.device)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    @cached_property
    def tokens(self) -> list[int]:
        """The token of each label word."""
        return [self.backbone.word_id(word) for word in self.words]

    def forward(self, batch: Batch) -> Tensor:
        assert batch.features is not None
        logits = batch.features.new_full((len(batch.rows), self.backbone.vocabulary), NO_ANSWER)
        logits[:, self.tokens] = self.linear(batch.features)[batch.rows]
        return logits

    def solve(self, split: Split) -> bool:
        """Minimise the penalised cross-entropy on the training split, under the penalty by which the others told every fifth row best."""
        assert split.features is not None
        features = split.features.double().cpu().numpy()
        classes = np.array([self.tokens.index(row.targets[0]) for row in split.rows])
        center, spread = features.mean(0), features.std(0)
        spread[spread == 0] = 1.0
        solved = regression((features - center) / spread, classes, len(self.words))
        weight = solved[:, :-1] / spread
        with torch.no_grad():
            self.linear.weight.copy_(torch.from_numpy(weight))
            self.linear.bias.copy_(torch.from_numpy(solved[:, -1] - weight @ center))
        return True


def regression(features: Matrix, classes: Classes, count: int) -> Matrix:
    """[N, E] features, N classes of `count` -> [count, E + 1]: weights and, last, biases, under the penalty that held-out rows choose."""
    held = np.arange(len(features)) % HELD_OUT == HELD_OUT - 1

    def held_out_errors(penalty: float) -> int:
        solved = minimum(features[~held], classes[~held], count, penalty)
        return int((scores(features[held], solved).argmax(1) != classes[held]).sum())

    best = min(PENALTIES, key=held_out_errors) if held.any() else PENALTIES[0]  # of equal ones the first, the strongest
    return minimum(features, classes, count, best)


def minimum(features: Matrix, classes: Classes, count: int, penalty: float) -> Matrix:
    """Where the mean cross-entropy plus penalty/2 ‖W‖² is least, by L-BFGS from zero; biases are not penalised."""
    rows = np.arange(len(classes))

    def loss(flat: Matrix) -> tuple[float, Matrix]:
        solution = flat.reshape(count, -1)
        logs = log_softmax(scores(features, solution), axis=1)
        error = np.exp(logs)
        error[rows, classes] -= 1
        gradient = np.column_stack([error.T @ features, error.sum(0)]) / len(rows)
        gradient[:, :-1] += penalty * solution[:, :-1]
        value = -logs[rows, classes].mean() + penalty / 2 * (solution[:, :-1] ** 2).sum()
        return float(value), gradient.ravel()

    start = np.zeros(count * (features.shape[1] + 1))
    found: Matrix = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 2000, "maxfun": 5000}).x
    return found.reshape(count, -1)


def scores(features: Matrix, solution: Matrix) -> Matrix:
    """[N, E] -> [N, C]."""
    product: Matrix = features @ solution[:, :-1].T + solution[:, -1]
    return product
