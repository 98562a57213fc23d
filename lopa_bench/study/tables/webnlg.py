"""The paper's open-ended generation: WebNLG, on categories seen in training, unseen, and all."""

from __future__ import annotations

from lopa_bench.study.spec import TableSpec
from lopa_bench.study.tables.e2e import columns, rows


def table(scale: str) -> TableSpec:
    metrics = (f"{name}_{part}" for name in ("bleu", "ter") for part in ("unseen", "seen", "all"))
    return TableSpec(
        "webnlg", "Text from data: WebNLG", rows(scale), columns(scale, "webnlg", metrics), "webnlg", order=50
    )
