"""The paper's main table: GLUE."""

from __future__ import annotations

from lopa_bench.study.columns import headline
from lopa_bench.study.spec import GLUE, Row, TableSpec

ROWS = (
    Row("None", "none"),
    Row("FFT", "fft"),
    Row("LoRA", "lora", reference="r=16"),
    Row("PT", "pt", reference="m=10"),
    Row("IDPG", "idpg", reference="m=10"),
    Row("LOPA", "lopa", reference="m=10 r=4"),
)


def table(scale: str) -> TableSpec:
    return TableSpec("glue", "GLUE", ROWS, headline(GLUE), "glue", order=10)
