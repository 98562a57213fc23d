"""`readout=classifier`: a trained head on the first token in place of label words, as IDPG's paper has it and LOPA's has not."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Classifier(nn.Module):
    """dropout → Linear → tanh → dropout → Linear, RoBERTa's classification head (fairseq), for C classes; C·D + C + D² + D parameters.

    A class's logit is put where the language model's head has that of its label word, and nothing else has one. So the cross-entropy over
    the vocabulary is that over classes, and a prediction is found as with label words.

    Args:
        width: D. words: the C label words' tokens. vocabulary: V.
    """

    def __init__(self, width: int, words: Sequence[int], vocabulary: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.words, self.vocabulary = tuple(words), vocabulary
        self.layers = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(width, width),
            nn.Tanh(),
            nn.Dropout(dropout),
            nn.Linear(width, len(self.words)),
        )

    def forward(self, first: Tensor) -> Tensor:
        """[B, D] hidden states of the rows' first tokens -> [B, V] logits in fp32."""
        logits = self.layers(first).float()
        words = torch.tensor(self.words, device=logits.device)
        return logits.new_full((len(first), self.vocabulary), -torch.inf).index_copy(1, words, logits)
