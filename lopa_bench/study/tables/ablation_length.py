"""The paper's figure by number of virtual tokens."""

from __future__ import annotations

from lopa_bench.study.columns import headline
from lopa_bench.study.spec import LENGTHS, Row, TableSpec

ROWS = tuple(
    Row(f"{name} m={m}", method, {"method.num_virtual_tokens": m}, f"m={m}{rank}", name)
    for name, method, rank in (("PT", "pt", ""), ("IDPG", "idpg", ""), ("LOPA", "lopa", " r=4"))
    for m in LENGTHS
)


def table(scale: str) -> TableSpec | None:
    if scale == "small":
        return None
    columns = headline(("mrpc", "rte", "sst2"))
    return TableSpec("ablation_length", "Number of virtual tokens", ROWS, columns, "ablation_length", order=70)
