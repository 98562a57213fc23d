"""The paper's figure by number of virtual tokens on CRUXEval-O, with CodeBERT as instance encoder."""

from __future__ import annotations

from lopa_bench.study.columns import headline
from lopa_bench.study.spec import LENGTHS, Row, TableSpec


def table(scale: str) -> TableSpec | None:
    if scale != "paper":
        return None
    rows = (Row("LoRA", "lora", reference="r=16"), *(row for m in LENGTHS for row in _rows(m)))
    columns = headline(("cruxeval_o",), "deepseek_coder_1_3b")
    title = "Number of virtual tokens: code"
    return TableSpec("ablation_length_code", title, rows, columns, "ablation_length", order=80)


def _rows(m: int) -> tuple[Row, ...]:
    length = {"method.num_virtual_tokens": m}
    return (
        Row(f"PT m={m}", "pt", length, f"m={m}", "PT"),
        Row(f"IDPG m={m}", "idpg", length, f"m={m}", "IDPG"),
        *(
            Row(f"LOPA m={m} r={r}", "lopa", {**length, "method.rank": r}, f"m={m} r={r} encoder=codebert", "LOPA")
            for r in (1, 2)
        ),
    )
