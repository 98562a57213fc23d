"""LOPA beside its variants and other prompts: those that the authors showed their reviewers, and those that these asked for too."""

from __future__ import annotations

from lopa_bench.study.columns import headline
from lopa_bench.study.spec import ABLATED, GLUE, Row, TableSpec

ROWS = (
    Row("LOPA", "lopa", reference="m=10 r=4"),
    Row("LOPA_add", "lopa_add", reference="m=10 r=4"),
    Row("LOPA_concat", "lopa_concat"),
    Row("LOPA_max", "lopa_max"),
    Row("LOPA+PHM", "lopa_phm"),
    Row("IDPG", "idpg", reference="m=10"),
    *(Row(f"IDPG+PHM n={n}", "idpg_phm", {"method.phm_blocks": n}, f"m=10 n={n}", "IDPG+PHM") for n in (8, 16, 32)),
    Row("DePT", "dept", reference=""),
    Row("P-tuning v2", "p_tuning_v2", reference="m=10"),
    Row("Prefix tuning", "prefix_tuning", reference="m=10"),
    Row("Adapters", "adapter"),
    Row("LPT", "lpt"),
    Row("LPT, pooled", "lpt_pool"),
    Row("SPT (as described)", "spt", name="SPT"),
    Row("Input-Tuning", "input_tuning"),
    Row("ADePT", "adept"),
    Row("ID-SPAM", "id_spam"),
    Row("SMoP", "smop"),
    Row("DoRA", "dora"),
    Row("VeRA", "vera"),
)


def table(scale: str) -> TableSpec | None:
    if scale == "small":
        return None
    tasks = GLUE if scale == "paper" else (*ABLATED, "qnli")  # those of which the authors told their reviewers
    return TableSpec("rebuttal", "LOPA, its variants, other prompts", ROWS, headline(tasks), "glue", order=90)
