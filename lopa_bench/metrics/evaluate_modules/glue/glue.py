"""Accuracy and F1 as GLUE reports them, for `evaluate.load` of this folder."""

from typing import Any

import datasets
import evaluate

from lopa_bench.metrics.classification import classification_scores


class Glue(evaluate.Metric):  # type: ignore[misc]
    """`compute(predictions=[label, …], references=[label, …], f1_label=None)`: give `f1_label` for MRPC and QQP."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="Accuracy, with `f1_label` also F1 of that label; `glue` is their mean, else the accuracy. Percent.",
            citation="Wang et al. GLUE: A Multi-Task Benchmark and Analysis Platform for Natural Language Understanding. ICLR 2019.",
            inputs_description=self.__doc__,
            features=[
                datasets.Features({"predictions": datasets.Value(kind), "references": datasets.Value(kind)})
                for kind in ("string", "int64")  # in this order: "1" is an int64 too
            ],
            reference_urls=["https://gluebenchmark.com"],
        )

    def _compute(self, predictions: list[Any], references: list[Any], f1_label: Any = None) -> dict[str, float]:
        label = None if f1_label is None else str(f1_label)  # labels may be numbers
        return classification_scores(list(map(str, references)), list(map(str, predictions)), label)
