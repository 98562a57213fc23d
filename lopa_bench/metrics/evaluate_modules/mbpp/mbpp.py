"""pass@k of MBPP for `evaluate.load` of this folder."""

from collections.abc import Sequence
from typing import Any

import datasets
import evaluate

from lopa_bench.metrics import programs
from lopa_bench.metrics.pass_at_k import mean_pass_at_k

TEXT = datasets.Value("string")


class MBPP(evaluate.Metric):  # type: ignore[misc]
    """`compute(predictions=[[completion, …], …], references=[row of MBXP, …], k=[1])`. Runs the completions, in a sandbox."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="Unbiased pass@k of MBPP in the MBXP release.",
            citation="Athiwaratkun et al. Multi-lingual Evaluation of Code Generation Models. ICLR 2023.",
            inputs_description=self.__doc__,
            features=datasets.Features(
                {
                    "predictions": datasets.Sequence(TEXT),
                    "references": {"task_id": TEXT, "prompt": TEXT, "test": TEXT, "entry_point": TEXT},
                }
            ),
            reference_urls=["https://github.com/amazon-science/mxeval"],
        )

    def _compute(
        self,
        predictions: list[Any],
        references: list[Any],
        k: Sequence[int] = (1,),
        timeout: float = programs.MBPP_TIMEOUT,
    ) -> dict[str, float]:
        verdicts = programs.mbpp(references, predictions, timeout_s=timeout)
        return mean_pass_at_k([programs.passed(each) for each in verdicts], k)
