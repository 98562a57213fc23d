"""The paper's other code models; its numbers for them are not in reference.csv."""

from __future__ import annotations

from lopa_bench.study.columns import headline
from lopa_bench.study.spec import CODE, TableSpec
from lopa_bench.study.tables.code import rows

MODELS = ("codegen_350m", "deepseek_coder_1_3b", "phi_3_mini", "deepseek_coder_7b", "llama_3_8b")


def table(scale: str) -> TableSpec | None:
    if scale != "paper":
        return None
    columns = tuple(column for model in MODELS for column in headline(CODE, model))
    return TableSpec("code_models", "Code: the paper's other models", rows(scale), columns, order=30)
