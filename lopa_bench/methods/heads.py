"""The small networks that instance prompts are made of, and how large what they write is at the start."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

INIT_STD = 0.02  # the authors' code takes the encoder's initializer_range, 0.02 for all encoders of the paper
PAPER_WIDTHS = (1024, 256)  # E and H of the paper's GLUE models, at which that number is meant


def soft_prompt(tokens: int, width: int) -> nn.Parameter:
    """Z_S, [tokens, width], drawn from N(0, 1) as in the authors' code."""
    return nn.Parameter(torch.randn(tokens, width))


def head(sizes: Sequence[int], dropout: float, init_std: float | str, blocks: int | None = None) -> nn.Sequential:
    """dropout → Linear → tanh → Linear through these widths, or dropout → Linear through two; [B, sizes[0]] -> [B, sizes[-1]].

    Args:
        init_std: standard deviation of the weights, with which the last bias starts at 0 (authors' code); "scaled": `scaled_std`;
            "xavier": Glorot's, and torch's biases.
        blocks: of PHM layers; None makes Linear layers.
    """
    layers = [PHMLinear(*pair, blocks) if blocks else nn.Linear(*pair) for pair in pairwise(sizes)]
    std = scaled_std(*sizes[:-1]) if init_std == "scaled" else init_std
    for layer in layers:
        draw(layer, std)
    if std != "xavier":
        nn.init.zeros_(layers[-1].bias)
    inner = [module for layer in layers[:-1] for module in (layer, nn.Tanh())]
    return nn.Sequential(nn.Dropout(dropout), *inner, layers[-1])


def draw(layer: nn.Linear | PHMLinear, std: float | str) -> None:
    """Draw the weights anew: with this standard deviation, of a PHM layer that of W's entries, or "xavier"."""
    if isinstance(layer, PHMLinear):
        if not isinstance(std, str):
            # An entry of W = Σ_i A_i ⊗ S_i is a sum of n products, and A's variance is 1/n² (Glorot's in n × n × n).
            nn.init.normal_(layer.s, std=std * math.sqrt(layer.blocks))
    elif isinstance(std, str):
        nn.init.xavier_uniform_(layer.weight)
    else:
        nn.init.normal_(layer.weight, std=std)


@cache
def scaled_std(inputs: int, hidden: int | None = None) -> float:
    """The weights' standard deviation with which a head of these widths writes numbers as large as the authors' 0.02 does at the paper's.

    Features are taken to have variance 1 in each coordinate. For a small tanh it is 0.02 · (1024 · 256 / (inputs · hidden))^¼, and
    docs/mini.md derives both; a single layer's (`hidden` None) follows from its outputs' variance, inputs · std².
    """
    wanted = output_variance(INIT_STD, *PAPER_WIDTHS)
    if hidden is None:
        return math.sqrt(wanted / inputs)
    low, high = 0.0, 1.0
    while output_variance(high, inputs, hidden) < wanted:
        high *= 2
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if output_variance(middle, inputs, hidden) < wanted else (low, middle)
    return high


def output_variance(std: float, inputs: int, hidden: int) -> float:
    """The variance of what a head of two layers writes at the start: hidden · std² · E tanh²(a), a ~ N(0, inputs · std² + 1/(3 · inputs)).

    The second term is the first bias', which torch draws from ±1/√inputs.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(64)
    tanh = np.tanh(math.sqrt(inputs * std**2 + 1 / (3 * inputs)) * nodes)
    return float(hidden * std**2 * (weights @ tanh**2) / weights.sum())


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
        """[…, inputs] -> […, outputs]."""
        x = x.unflatten(-1, (self.blocks, -1))  # […, n, in/n]
        y = torch.einsum("iop,...lp->...ilo", self.s, x)  # S_i on each block
        y = torch.einsum("ikl,...ilo->...ko", self.a, y)  # A_i across blocks, summed over i
        return y.flatten(-2) + self.bias
