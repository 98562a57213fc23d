"""Writing text: a batch of inputs at once, as a run does it, against the same code one input at a time, as the authors' does."""

from __future__ import annotations

import time
from typing import Any

import torch
from contest.measure import comparison, in_turn, machine
from contest.workload import Workload, workload

from lopa_bench.host.device import default_device, seed_everything
from lopa_bench.host.processes import Processes
from lopa_bench.models.backbone import Backbone
from lopa_bench.models.batches import Split
from lopa_bench.run.inputs import encode
from lopa_bench.run.predict import predict
from lopa_bench.run.records import read_records

LARGE = 24, 1024  # layers and width of GPT-2 medium, on a GPU
INPUTS, ALONE = 64, 6  # of which so many are written one at a time, spread over the lengths


def comparisons() -> list[dict[str, Any]]:
    with workload(*LARGE) if torch.cuda.is_available() else workload() as work:
        e2e, mbpp = Writer(work, "e2e"), Writer(work, "mbpp")
        rates = in_turn(
            {
                "e2e": e2e.together,
                "e2e_alone": e2e.alone,
                "mbpp": mbpp.together,
                "mbpp_alone": mbpp.alone,
            }
        )
    ran = {**machine(), "shape": work.shape, "texts": work.texts, "inputs": INPUTS, "alone": ALONE, "method": "lopa"}

    def against(ours: str, what: str, theirs: str, name: str, goal: float) -> dict[str, Any]:
        return comparison(what, rates[ours], name, rates[theirs], goal, "inputs/s", ran)

    return [
        against("e2e", f"beam-5 generation on E2E, {INPUTS} inputs", "e2e_alone", "one at a time", 3),
        against("mbpp", f"sampling on MBPP, {INPUTS} inputs", "mbpp_alone", "one at a time", 4),
    ]


class Writer:
    """An untrained LOPA model on one task; random weights seldom end a text, so every row takes all the tokens it may."""

    def __init__(self, work: Workload, task: str) -> None:
        self.config = work.config(task, "lopa", f"train.eval_batch_size={INPUTS}")
        self.single = work.config(task, "lopa", "train.eval_batch_size=1")
        seed_everything(0)
        backbone = Backbone.load(self.config.model, "fp32", default_device(), offline=True)
        self.model = self.config.method.adapt(backbone)
        examples = self.config.task.evaluation_examples(read_records(self.config).test)[:INPUTS]
        self.split = encode(self.model, self.config, examples, training=False)
        by_length = sorted(range(INPUTS), key=lambda i: len(self.split.rows[i].ids))
        self.few = self.split.part([by_length[(2 * i + 1) * INPUTS // (2 * ALONE)] for i in range(ALONE)])

    def together(self) -> float:
        return self._rate(self.split, self.config)

    def alone(self) -> float:
        return self._rate(self.few, self.single)

    def _rate(self, split: Split, config: Any) -> float:
        started = time.perf_counter()
        predict(self.model, split, config, Processes())
        return len(split) / (time.perf_counter() - started)
