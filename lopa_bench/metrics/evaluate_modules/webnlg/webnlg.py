"""WebNLG's scores for `evaluate.load` of this folder."""

from typing import Any

import datasets
import evaluate

from lopa_bench.metrics import nlg


class WebNLG(evaluate.Metric):  # type: ignore[misc]
    """`compute(predictions=[text, …], references=[[text, …], …], rules="lora"|"challenge_2017")`, with `categories=[…]` by subset."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="BLEU, TER, METEOR and chrF++ as WebNLG's GenerationEval after LoRA's preparation of the text.",
            citation="Gardent, Shimorina, Narayan, Perez-Beltrachini. The WebNLG Challenge. INLG 2017.",
            inputs_description=self.__doc__,
            features=datasets.Features(
                {"predictions": datasets.Value("string"), "references": datasets.Sequence(datasets.Value("string"))}
            ),
            reference_urls=["https://github.com/WebNLG/GenerationEval", "https://github.com/microsoft/LoRA"],
        )

    def _compute(
        self, predictions: list[Any], references: list[Any], rules: Any = "lora", categories: Any = None
    ) -> dict[str, float]:
        if categories is None:
            return nlg.webnlg(predictions, references, rules)
        return nlg.webnlg_by_subset(predictions, references, categories, rules)
