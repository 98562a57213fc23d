"""The paper's open-ended generation: WebNLG, on categories seen in training, unseen, and all."""

from __future__ import annotations

from lopa_bench.study.spec import Column, TableSpec
from lopa_bench.study.tables.e2e import rows


def table(scale: str) -> TableSpec:
    columns = tuple(
        Column(f"{name.upper()} {part}", "webnlg", f"{name}_{part}", higher_is_better=name == "bleu")
        for name in ("bleu", "ter")
        for part in ("unseen", "seen", "all")
    )
    return TableSpec("webnlg", "Text from data: WebNLG", rows(scale), columns, "webnlg", order=50)
