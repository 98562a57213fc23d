"""The small networks that instance prompts are made of."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

INIT_STD = 0.02  # the authors' code takes the encoder's initializer_range, 0.02 for all encoders of the paper


def soft_prompt(tokens: int, width: int) -> nn.Parameter:
    """Z_S, [tokens, width], drawn from N(0, 1) as in the authors' code."""
    return nn.Parameter(torch.randn(tokens, width))


def head(inputs: int, hidden: int, outputs: int, dropout: float) -> nn.Sequential:
    """dropout → Linear → tanh → Linear, [B, inputs] -> [B, outputs]; weights from N(0, 0.02²), last bias 0 (authors' code)."""
    down, up = nn.Linear(inputs, hidden), nn.Linear(hidden, outputs)
    nn.init.normal_(down.weight, std=INIT_STD)
    nn.init.normal_(up.weight, std=INIT_STD)
    nn.init.zeros_(up.bias)
    return nn.Sequential(nn.Dropout(dropout), down, nn.Tanh(), up)


def phm_head(inputs: int, hidden: int, outputs: int, dropout: float, blocks: int) -> nn.Sequential:
    """`head` with both Linear layers parameterised hypercomplex."""
    down, up = PHMLinear(inputs, hidden, blocks), PHMLinear(hidden, outputs, blocks)
    return nn.Sequential(nn.Dropout(dropout), down, nn.Tanh(), up)


class PHMLinear(nn.Module):
    """A Linear layer with W = Σ_i A_i ⊗ S_i, A ∈ R^{n×n×n}, S ∈ R^{n×(out/n)×(in/n)}, and a bias (Zhang et al. 2021; IDPG's PHM layers).

    W is never built: (A_i ⊗ S_i) x is S_i and A_i applied to x seen as n blocks.
    """

    def __init__(self, inputs: int, outputs: int, blocks: int) -> None:
        super().__init__()
        self.blocks = blocks
        self.a = nn.Parameter(nn.init.xavier_uniform_(torch.empty(blocks, blocks, blocks)))
        self.s = nn.Parameter(nn.init.xavier_uniform_(torch.empty(blocks, outputs // blocks, inputs // blocks)))
        bound = 1 / math.sqrt(inputs)
        self.bias = nn.Parameter(torch.empty(outputs).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        """[B, inputs] -> [B, outputs]."""
        x = x.unflatten(-1, (self.blocks, -1))  # [B, n, in/n]
        y = torch.einsum("iop,blp->bilo", self.s, x)  # S_i on each block
        y = torch.einsum("ikl,bilo->bko", self.a, y)  # A_i across blocks, summed over i
        return y.flatten(1) + self.bias
