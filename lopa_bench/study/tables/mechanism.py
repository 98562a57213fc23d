"""What strikes back: every way of writing a prompt for an instance, its encoder frozen and trained, in the frame of PT, LoRA and FFT.

The released code trains LOPA's encoder on GLUE and leaves IDPG's frozen, and the paper counts neither encoder, so
its comparison is of two things at once. The table's two counts say what the paper counts and what truly moved.
"""

from __future__ import annotations

from dataclasses import replace

from lopa_bench.study.columns import headline, small
from lopa_bench.study.spec import GLUE, Row, TableSpec, with_encoder

TITLE = "What strikes back: the prompt's form, or the trained encoder"
FORMS = (
    Row("LOPA", "lopa"),
    Row("LOPA full rank", "lopa", {"method.rank": "full"}),
    Row("LOPA_add", "lopa_add"),
    Row("IDPG", "idpg"),
    Row("IDPG+PHM", "idpg_phm"),
)
ROWS = (
    *(Row("PT", "pt"), Row("LoRA", "lora"), Row("FFT", "fft")),
    *(with_encoder(form, frozen) for form in FORMS for frozen in (True, False)),
)


def table(scale: str) -> TableSpec:
    if scale == "small":  # the encoder that may be trained is the backbone, as in the paper
        rows = tuple(
            replace(row, settings={"encoder": "backbone", **row.settings})
            if "method.freeze_encoder" in row.settings
            else row
            for row in ROWS
        )
        return TableSpec("mechanism", TITLE, rows, small(headline(GLUE), "minilm_mlm", 2000), order=95)
    return TableSpec("mechanism", TITLE, ROWS, headline(GLUE), order=95)
