"""Comparisons that the paper does not make."""

from __future__ import annotations

from lopa_bench.study.columns import headline
from lopa_bench.study.spec import ABLATED, Row, TableSpec

TITLE = "Not in the paper: prefixes read at the mask, or m tokens after it, as the released code does"
ROWS = tuple(
    Row(f"{label}, read {place}", method, {"method.prefix_reads": reads})
    for label, method in (("Prefix tuning", "prefix_tuning"), ("P-tuning v2", "p_tuning_v2"))
    for place, reads in (("at the mask", "mask"), ("m tokens after", "shifted"))
)


def table(scale: str) -> TableSpec | None:
    if scale == "small":
        return None
    return TableSpec("unpublished", TITLE, ROWS, headline(ABLATED), order=100)
