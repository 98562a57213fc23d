"""The E2E challenge's scores for `evaluate.load` of this folder."""

from typing import Any

import datasets
import evaluate

from lopa_bench.metrics import nlg


class E2E(evaluate.Metric):  # type: ignore[misc]
    """`compute(predictions=[text, …], references=[[text, …], …], mteval="perl"|"python")`."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="BLEU, NIST, METEOR, ROUGE-L and CIDEr as the E2E NLG challenge computes them.",
            citation="Dušek, Novikova, Rieser. Evaluating the State-of-the-Art of End-to-End Natural Language Generation. 2020.",
            inputs_description=self.__doc__,
            features=datasets.Features(
                {"predictions": datasets.Value("string"), "references": datasets.Sequence(datasets.Value("string"))}
            ),
            reference_urls=["https://github.com/tuetschek/e2e-metrics"],
        )

    def _compute(self, predictions: list[Any], references: list[Any], mteval: Any = "perl") -> dict[str, float]:
        return nlg.e2e(predictions, references, mteval)
