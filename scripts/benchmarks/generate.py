"""Writing text: a batch of inputs at once, as a run does it, against the same code one input at a time, as the authors' does."""

from __future__ import annotations

import time
from typing import Any

from contest.flops import product_rate
from contest.measure import ROUNDS, Limit, comparison, in_turn, machine
from contest.workload import Workload, size_here, workload

from lopa_bench.host.device import default_device, seed_everything
from lopa_bench.host.processes import Processes
from lopa_bench.models.backbone import Backbone
from lopa_bench.models.batches import Split
from lopa_bench.run.inputs import encode
from lopa_bench.run.predict import predict
from lopa_bench.run.records import read_records

INPUTS, ALONE = 64, 6  # of which so many are written one at a time, spread over the lengths


def comparisons(tiny: bool = False) -> list[dict[str, Any]]:
    """Batches against one input at a time."""
    inputs, alone, short = (4, 1, ["generation.max_new_tokens=3"]) if tiny else (INPUTS, ALONE, [])
    with workload(size_here(tiny)) as work:
        e2e, mbpp = (Writer(work, task, inputs, alone, short) for task in ("e2e", "mbpp"))
        rates = in_turn(
            {
                "e2e": e2e.together,
                "e2e_alone": e2e.alone,
                "mbpp": mbpp.together,
                "mbpp_alone": mbpp.alone,
            },
            rounds=1 if tiny else ROUNDS,
        )
    ran = {**machine(), "shape": work.shape, "texts": work.texts, "inputs": inputs, "alone": alone, "method": "lopa"}

    def against(ours: str, what: str, writer: Writer, name: str, goal: float) -> dict[str, Any]:
        limit = Limit(writer.products(inputs) / writer.products(1), "the layers' products for one token of each row")
        return comparison(what, rates[ours], name, rates[f"{ours}_alone"], goal, "inputs/s", ran, limit)

    return [
        against("e2e", f"beam-5 generation on E2E, {inputs} inputs", e2e, "one at a time", 3),
        against("mbpp", f"sampling on MBPP, {inputs} inputs", mbpp, "one at a time", 4),
    ]


class Writer:
    """An untrained LOPA model on one task; random weights seldom end a text, so every row takes all the tokens it may."""

    def __init__(self, work: Workload, task: str, inputs: int, alone: int, overrides: list[str]) -> None:
        self.config = work.config(task, "lopa", f"train.eval_batch_size={inputs}", *overrides)
        self.single = work.config(task, "lopa", "train.eval_batch_size=1", *overrides)
        seed_everything(0)
        backbone = Backbone.load(self.config.model, "fp32", default_device(), offline=True)
        self.model = self.config.method.adapt(backbone)
        examples = self.config.task.evaluation_examples(read_records(self.config).test)[:inputs]
        self.split = encode(self.model, self.config, examples, training=False)
        by_length = sorted(range(inputs), key=lambda i: len(self.split.rows[i].ids))
        self.few = self.split.part([by_length[(2 * i + 1) * inputs // (2 * alone)] for i in range(alone)])

    def together(self) -> float:
        return self._rate(self.split, self.config)

    def alone(self) -> float:
        return self._rate(self.few, self.single)

    def products(self, inputs: int) -> float:
        """FLOP/s of the widest product of a layer for the next token of so many inputs: few rows wait for the weights."""
        generation, backbone = self.config.generation, self.model.backbone
        assert generation is not None
        rows, width = inputs * max(generation.num_beams, generation.num_samples), backbone.config.hidden_size
        return product_rate(backbone.device, backbone.dtype, rows, width, 4 * width)

    def _rate(self, split: Split, config: Any) -> float:
        started = time.perf_counter()
        predict(self.model, split, config, Processes())
        return len(split) / (time.perf_counter() - started)
