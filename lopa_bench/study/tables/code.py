"""The paper's code tasks: MBPP and CRUXEval."""

from __future__ import annotations

from lopa_bench.study.columns import headline, small
from lopa_bench.study.spec import CODE, Row, TableSpec
from lopa_bench.study.tables.e2e import small_rows


def table(scale: str) -> TableSpec:
    if scale == "small":
        return TableSpec(
            "code", "Code: MBPP", small_rows(), small(headline(("mbpp",)), "smollm2_135m", 487), "code", order=20
        )
    columns = headline(CODE, "phi_2" if scale == "paper" else None)
    return TableSpec("code", "Code: MBPP and CRUXEval", rows(scale), columns, "code", order=20)


def rows(scale: str) -> tuple[Row, ...]:
    """The authors' README trains Phi-2 with CodeSage and r = 1, whose scores in the figure by rank are the table's."""
    usual = [
        Row(label, name, reference="")
        for label, name in (("None", "none"), ("FFT", "fft"), ("LoRA", "lora"), ("PT", "pt"))
    ]
    if scale != "paper":
        return (*usual, Row("IDPG", "idpg", reference=""), Row("LOPA", "lopa", reference=""))
    codesage, codebert = {"encoder": "codesage_small"}, {"encoder": "codebert"}
    return (
        *usual,
        Row("IDPG", "idpg", codesage, ""),
        Row("LOPA", "lopa", {"method.rank": 1, **codesage}, ""),
        Row("IDPG, CodeBERT", "idpg", codebert),
        Row("LOPA, CodeBERT", "lopa", {"method.rank": 1, **codebert}),
    )
