"""GLUE with causal models, which the reviewers asked for: the paper classifies with RoBERTa-large alone."""

from __future__ import annotations

from lopa_bench.study.columns import headline, small
from lopa_bench.study.spec import ABLATED, GLUE, Row, TableSpec
from lopa_bench.study.tables.e2e import small_rows
from lopa_bench.study.tables.glue import ROWS

MODELS = ("gpt2_medium", "llama_3_8b")
ENCODER = "roberta_large"  # Llama's own beside code, CodeBERT, has read little English
TITLE = "Not in the paper: GLUE with causal models"


def table(scale: str) -> TableSpec | None:
    """None of scale=mini, whose causal model has read nothing of the six tasks' world (docs/mini.md)."""
    if scale == "mini":
        return None
    if scale == "small":
        columns = small(headline(ABLATED), "smollm2_135m", 1000)
        probe = Row("Encoder probe, MPNet", "encoder_probe", {"encoder": "mpnet"}, name="Encoder probe")
        return TableSpec("glue_causal", TITLE, (*small_rows(), probe), columns, order=95)
    columns = tuple(column for model in MODELS for column in headline(GLUE, model, encoder=ENCODER))
    rows = tuple(Row(row.label, row.method) for row in ROWS)
    return TableSpec("glue_causal", TITLE, rows, columns, order=95)
