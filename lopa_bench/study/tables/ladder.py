"""From IDPG as it was published to LOPA, one difference a row, and on to prompt tuning: what the paper's reviewers asked for."""

from __future__ import annotations

from lopa_bench.study.columns import headline
from lopa_bench.study.spec import ABLATED, RANKS, Row, TableSpec

TITLE = (
    "The ladder from IDPG to LOPA: the classifier goes, then the prompts inside the layers, then comes the gate, then low rank, "
    "then no instance at all; and LOPA's heads without a hidden layer"
)
ROWS = (
    Row("IDPG at every layer, classifier", "idpg_layers", {"readout": "classifier"}),
    Row("IDPG at every layer", "idpg_layers"),
    Row("IDPG at every layer, PHM", "idpg_layers_phm"),
    Row("IDPG", "idpg"),
    Row("LOPA full rank", "lopa", {"method.rank": "full"}),
    *(Row(f"LOPA r={rank}", "lopa", {"method.rank": rank}) for rank in reversed(RANKS)),
    Row("PT", "pt"),
    *(Row(f"LOPA r={rank}, linear f", "lopa", {"method.rank": rank, "method.head_layers": 1}) for rank in (4, 1)),
)


def table(scale: str) -> TableSpec | None:
    if scale == "small":
        return None
    return TableSpec("ladder", TITLE, ROWS, headline(ABLATED), order=95)
