"""GLUE with causal models, which the reviewers asked for: the paper classifies with RoBERTa-large alone."""

from __future__ import annotations

from lopa_bench.study.columns import headline
from lopa_bench.study.spec import GLUE, Row, TableSpec
from lopa_bench.study.tables.glue import ROWS

MODELS = {"mini": ("mini_clm",), "paper": ("gpt2_medium", "llama_3_8b")}
ENCODER = {"paper": {"encoder": "roberta_large"}}  # Llama's own beside code, CodeBERT, has read little English


def table(scale: str) -> TableSpec | None:
    if scale not in MODELS:
        return None
    columns = tuple(column for model in MODELS[scale] for column in headline(GLUE, model, **ENCODER.get(scale, {})))
    rows = tuple(Row(row.label, row.method) for row in ROWS)
    return TableSpec("glue_causal", "Not in the paper: GLUE with causal models", rows, columns, order=95)
