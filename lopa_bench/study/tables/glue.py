"""The paper's main table: GLUE; at scale=small with the instance encoders that tell it apart."""

from __future__ import annotations

from lopa_bench.study.columns import headline, small
from lopa_bench.study.spec import GLUE, Row, TableSpec

ROWS = (
    Row("None", "none"),
    Row("FFT", "fft"),
    Row("LoRA", "lora", reference="r=16"),
    Row("PT", "pt", reference="m=10"),
    Row("IDPG", "idpg", reference="m=10"),
    Row("LOPA", "lopa", reference="m=10 r=4"),
)
PLAIN = (("None", "none"), ("FFT", "fft"), ("LoRA", "lora"), ("PT", "pt"), ("Prefix tuning", "prefix_tuning"))
TRAINED = (Row("LOPA", "lopa"), Row("LOPA_add", "lopa_add"), Row("IDPG", "idpg"))
READERS = (
    Row("Encoder probe", "encoder_probe"),
    *TRAINED,
    Row("IDPG+PHM", "idpg_phm"),
    Row("LOPA full rank", "lopa", {"method.rank": "full"}),
)


def table(scale: str) -> TableSpec:
    if scale == "small":
        columns = small(headline(GLUE), "minilm_mlm", 2000)
        return TableSpec("glue", "GLUE, masked, by instance encoder", rows_by_encoder(), columns, "glue", order=10)
    return TableSpec("glue", "GLUE", ROWS, headline(GLUE), "glue", order=10)


def rows_by_encoder() -> tuple[Row, ...]:
    """Rows without an encoder once; those with one beside MPNet, beside the backbone's own weights, and with these trained too."""
    trained = {"encoder": "backbone", "method.freeze_encoder": False}
    beside = (
        ("MPNet", {"encoder": "mpnet"}, READERS),
        ("backbone", {"encoder": "backbone"}, READERS),
        ("backbone, trained", trained, TRAINED),
    )
    return (
        *(Row(label, method) for label, method in PLAIN),
        *(
            Row(f"{row.label}, {word}", row.method, {**settings, **row.settings}, name=row.label)
            for word, settings, rows in beside
            for row in rows
        ),
    )
