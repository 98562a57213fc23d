"""Comparisons that the paper does not make."""

from __future__ import annotations

from lopa_bench.study.columns import headline
from lopa_bench.study.spec import ABLATED, Row, TableSpec

TITLE = "Not in the paper: where a prefix is read, where a prompt stands, how its Z_S begins"
ROWS = (
    *(
        Row(f"{label}, read {place}", method, {"method.prefix_reads": reads})
        for label, method in (("Prefix tuning", "prefix_tuning"), ("P-tuning v2", "p_tuning_v2"))
        for place, reads in (("at the mask", "mask"), ("m tokens after", "shifted"))  # as the released code does
    ),
    *(
        Row(f"LOPA, {place}", "lopa", {"method.position": position})
        for place, position in (
            ("before the text", "prefix"),
            ("after its first token", "after_first"),
            ("at its end", "suffix"),
        )
    ),
    *(
        Row(f"{label}, Z_S {drawn}", method, {"method.init": init})
        for label, method in (("LOPA", "lopa"), ("PT", "pt"))
        for drawn, init in (("drawn at random", "normal"), ("of words", "vocab"))
    ),
)


def table(scale: str) -> TableSpec | None:
    if scale == "small":
        return None
    return TableSpec("unpublished", TITLE, ROWS, headline(ABLATED), order=100)
