"""pass@k of CRUXEval for `evaluate.load` of this folder."""

from collections.abc import Sequence
from typing import Any

import datasets
import evaluate

from lopa_bench.metrics import programs
from lopa_bench.metrics.pass_at_k import mean_pass_at_k

TEXT = datasets.Value("string")


class CRUXEval(evaluate.Metric):  # type: ignore[misc]
    """`compute(predictions=[[generation, …], …], references=[row of CRUXEval, …], mode="input"|"output", k=[1])`."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="Unbiased pass@k of CRUXEval's input and output prediction, checked in a sandbox.",
            citation="Gu et al. CRUXEval: A Benchmark for Code Reasoning, Understanding and Execution. ICML 2024.",
            inputs_description=self.__doc__,
            features=datasets.Features(
                {
                    "predictions": datasets.Sequence(TEXT),
                    "references": {"id": TEXT, "code": TEXT, "input": TEXT, "output": TEXT},
                }
            ),
            reference_urls=["https://github.com/facebookresearch/cruxeval"],
        )

    def _compute(
        self,
        predictions: list[Any],
        references: list[Any],
        mode: Any,
        k: Sequence[int] = (1,),
        timeout: float = programs.CRUXEVAL_TIMEOUT,
    ) -> dict[str, float]:
        verdicts = programs.cruxeval(mode, references, predictions, timeout_s=timeout)
        return mean_pass_at_k([programs.passed(each) for each in verdicts], k)
