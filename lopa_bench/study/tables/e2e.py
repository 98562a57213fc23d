"""The paper's open-ended generation: E2E."""

from __future__ import annotations

from collections.abc import Iterable

from lopa_bench.study.columns import columns_of, small
from lopa_bench.study.spec import Column, Row, TableSpec

METRICS = ("bleu", "nist", "meteor", "rouge_l", "cider")


def table(scale: str) -> TableSpec:
    return TableSpec("e2e", "Text from data: E2E", rows(scale), columns(scale, "e2e", METRICS), "e2e", order=40)


def columns(scale: str, task: str, metrics: Iterable[str]) -> tuple[Column, ...]:
    shown = columns_of(task, metrics)
    return small(shown, "smollm2_135m", 1000) if scale == "small" else shown


def small_rows() -> tuple[Row, ...]:
    """What a laptop has time for, the instance read by MPNet."""
    plain = (("None", "none"), ("LoRA", "lora"), ("PT", "pt"), ("Prefix tuning", "prefix_tuning"))
    readers = (("IDPG", "idpg"), ("LOPA", "lopa"), ("LOPA_add", "lopa_add"))
    return (
        *(Row(label, method) for label, method in plain),
        *(Row(f"{label}, MPNet", method, {"encoder": "mpnet"}, name=label) for label, method in readers),
    )


def rows(scale: str) -> tuple[Row, ...]:
    """The paper's E2E and WebNLG runs have longer prompts, and LoRA a lower rank, than its others."""
    if scale == "small":
        return small_rows()
    paper = scale == "paper"
    m100 = {"method.num_virtual_tokens": 100} if paper else {}
    # The authors' scripts run all four (run_multiple_e2e_jobs.sh); they do not say which of them is published.
    others = [(100, 1), (50, 4), (50, 1)] if paper else []
    return (
        Row("None", "none"),
        Row("FFT", "fft"),
        Row("LoRA", "lora", {"method.rank": 4} if paper else {}, reference=""),
        Row("PT", "pt", m100, "m=100"),
        Row("IDPG", "idpg", m100),
        Row("LOPA", "lopa", m100, ""),
        *(
            Row(f"LOPA m={m} r={r}", "lopa", {"method.num_virtual_tokens": m, "method.rank": r}, name="LOPA")
            for m, r in others
        ),
    )
