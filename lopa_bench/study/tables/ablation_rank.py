"""The paper's figure by rank of LOPA."""

from __future__ import annotations

from lopa_bench.study.columns import headline
from lopa_bench.study.spec import ABLATED, RANKS, Column, Row, TableSpec

ROWS = tuple(Row(f"LOPA r={rank}", "lopa", {"method.rank": rank}, f"m=10 r={rank}", "LOPA") for rank in RANKS)


def table(scale: str) -> TableSpec | None:
    if scale == "small":
        return None
    return TableSpec("ablation_rank", "Rank of LOPA", ROWS, _columns(scale), "ablation_rank", order=60)


def _columns(scale: str) -> tuple[Column, ...]:
    """The parameter counts of the paper's figure by rank (10.56 M with DeepSeek-Coder 1.3B) are those with CodeSage."""
    glue, cruxeval = headline(ABLATED), ("cruxeval_i", "cruxeval_o")
    if scale != "paper":
        return glue + headline(cruxeval)
    models = ("deepseek_coder_1_3b", "phi_2")
    return glue + tuple(c for model in models for c in headline(cruxeval, model, encoder="codesage_small"))
