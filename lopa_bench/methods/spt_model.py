"""A prompt generator above every layer, and then above those that a search has chosen."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from lopa_bench.methods.between_layers import BetweenLayers, WritesBetweenLayers
from lopa_bench.models.backbone import Backbone
from lopa_bench.models.batches import Batch


class SelectsLayers(WritesBetweenLayers, Protocol):
    """What the model below asks of its method, a `lopa_bench.methods.spt.Spt`."""

    @property
    def tau(self) -> float: ...

    @property
    def search_epochs(self) -> int: ...

    def kept(self, layers: int) -> int: ...

    def pooled(self, states: Tensor, instance: Tensor) -> Tensor: ...


class SptModel(BetweenLayers):
    """A frozen backbone with a gated generator above every layer; after the search, with the chosen ones and no gates.

    The names of saved parameters say which ones were chosen.
    """

    method: SelectsLayers

    def __init__(self, backbone: Backbone, method: SelectsLayers) -> None:
        super().__init__(backbone, method)
        self._start = {name: value.clone() for name, value in self.parts.generators.state_dict().items()}

    @property
    def points(self) -> tuple[int, ...]:
        return tuple(sorted(map(int, self.parts.generators)))

    @property
    def search_epochs(self) -> int:
        return self.method.search_epochs

    @property
    def _searching(self) -> bool:
        return hasattr(self.parts, "alpha")

    def written(self, number: int, states: Tensor, batch: Batch) -> Tensor:
        generator = self.parts.generators[str(number)]
        rows = self.method.pooled(states, self.instance(batch))
        prompt = generated(generator, rows)
        if not (self._searching and torch.is_grad_enabled()):
            return prompt
        held = {name: parameter.detach() for name, parameter in generator.named_parameters()}
        return torch.where(teaches_gates(batch.index)[:, None, None], generated(generator, rows, held), prompt)

    def entering(self, number: int, written: Tensor, before: Tensor, batch: Batch) -> Tensor:
        if not self._searching:
            return before + self.method.tau * (written - before)
        # The value is τ a and its gradient that of log a, 1 − a. Its own, τ a (1 − a), would be scaled by τ a.
        log_a = F.logsigmoid(self.parts.alpha[number])
        gate = log_a + (self.method.tau * log_a.exp() - log_a).detach()
        if torch.is_grad_enabled():
            gate = torch.where(teaches_gates(batch.index)[:, None, None], gate, gate.detach())
        return before + gate * (written - before)

    @torch.no_grad()
    def end_search(self) -> dict[str, list[int | float]]:
        alpha = self.parts.alpha.tolist()
        gates = torch.sigmoid(self.parts.alpha).tolist()
        widest = sorted(self.points, key=lambda number: -gates[number])
        chosen = sorted(widest[: self.method.kept(len(gates))])
        self._keep(chosen)
        kept = self.parts.generators.state_dict()
        self.parts.generators.load_state_dict({name: self._start[name] for name in kept})
        return {"alpha": alpha, "gates": gates, "layers": [*chosen]}

    def _keep(self, chosen: Collection[int]) -> None:
        """Keep these generators only, and no gates."""
        del self.parts.alpha
        for number in set(self.points) - set(chosen):
            del self.parts.generators[str(number)]

    def load_trainable(self, state: Mapping[str, Tensor]) -> None:
        if self._searching and "parts.alpha" not in state:
            named = {name.split(".")[2] for name in state if name.startswith("parts.generators.")}
            self._keep([number for number in self.points if str(number) in named])
        super().load_trainable(state)


def generated(generator: nn.Module, rows: Tensor, held: Mapping[str, Tensor] | None = None) -> Tensor:
    """What `generator` makes of [B, M, D], with the parameters `held` where they are given."""
    made: Tensor = generator(rows) if held is None else functional_call(generator, dict(held), (rows,))
    return made


def teaches_gates(index: Tensor) -> Tensor:
    """Which rows of a split, by number, are of the half that teaches gates in a search, [B], bool.

    A hash (Knuth's), since labels in files often alternate.
    """
    return (index * 2_654_435_761 >> 31) % 2 == 0
