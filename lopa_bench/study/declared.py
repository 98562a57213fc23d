"""The tables, declared: which methods stand in the rows, which tasks and metrics in the columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lopa_bench.errors import UserError
from lopa_bench.study.spec import CODE, GLUE, LENGTHS, RANKS, SCALES, Column, Row, TableSpec, family

_LABELS = {task: task.upper() for task in GLUE} | {
    "sst2": "SST-2",
    "mbpp": "MBPP",
    "cruxeval_i": "CRUXEval-I",
    "cruxeval_o": "CRUXEval-O",
}


def of_task(row: Row, task: str, scale: str) -> tuple[Row, Column]:
    """Where the task's main table shows this row: its model, and its settings where the row has none of its own."""
    (main,) = tables(scale, [family(task)])
    same = [other for other in main.rows if other.method == row.method and not row.settings]
    return (same or [row])[0], next(column for column in main.columns if column.task == task)


def tables(scale: str, names: Iterable[str] = ()) -> list[TableSpec]:
    """All tables of a scale, or those named.

    Raises:
        UserError: an unknown scale or table.
    """
    if scale not in SCALES:
        raise UserError(f"scale={scale} is not one of {', '.join(SCALES)}")
    every = {table.name: table for table in _tables(scale)}
    for name in names:
        if name not in every:
            raise UserError(f"table={name} is not one of {', '.join(every)}")
    return [every[name] for name in (list(names) or every)]


def _tables(scale: str) -> list[TableSpec]:
    paper = scale == "paper"
    text = _text(paper)
    return [
        TableSpec("glue", "GLUE", _MAIN, _accuracy(GLUE), "glue"),
        TableSpec(
            "code", "Code: MBPP and CRUXEval", _code(paper), _pass_at_1(CODE, "phi_2" if paper else None), "code"
        ),
        *([_other_code_models()] if paper else []),
        TableSpec("e2e", "Text from data: E2E", text, _E2E, "e2e"),
        TableSpec("webnlg", "Text from data: WebNLG", text, _WEBNLG, "webnlg"),
        TableSpec("ablation_rank", "Rank of LOPA", _BY_RANK, _rank_columns(paper), "ablation_rank"),
        TableSpec(
            "ablation_length",
            "Number of virtual tokens",
            _BY_LENGTH,
            _accuracy(("mrpc", "rte", "sst2")),
            "ablation_length",
        ),
        *([_length_on_code()] if paper else []),
        TableSpec("rebuttal", "LOPA, its variants, other prompts", _VARIANTS, _accuracy(GLUE), "glue"),
        TableSpec(
            "unpublished",
            "Not in the paper: instance encoder frozen or trained; prefixes read at the mask "
            "or m tokens after it, as the released code does",
            _UNPUBLISHED,
            _accuracy(GLUE),
        ),
    ]


def _other_code_models() -> TableSpec:
    """The paper's other code models; its numbers for them are not in reference.csv."""
    models = ("codegen_350m", "deepseek_coder_1_3b", "phi_3_mini", "deepseek_coder_7b", "llama_3_8b")
    columns = tuple(column for model in models for column in _pass_at_1(CODE, model))
    return TableSpec("code_models", "Code: the paper's other models", _code(paper=True), columns)


def _length_on_code() -> TableSpec:
    """The paper's figure by prompt length on CRUXEval-O, with CodeBERT as instance encoder."""
    rows = [Row("LoRA", "lora", reference="r=16")]
    for m in LENGTHS:
        length = {"method.num_virtual_tokens": m}
        rows += [Row(f"PT m={m}", "pt", length, f"m={m}"), Row(f"IDPG m={m}", "idpg", length, f"m={m}")]
        for rank in (1, 2):
            settings = {**length, "method.rank": rank}
            rows.append(Row(f"LOPA m={m} r={rank}", "lopa", settings, f"m={m} r={rank} encoder=codebert"))
    columns = _pass_at_1(("cruxeval_o",), "deepseek_coder_1_3b")
    return TableSpec("ablation_length_code", "Number of virtual tokens: code", tuple(rows), columns, "ablation_length")


def _accuracy(tasks: Iterable[str]) -> tuple[Column, ...]:
    return tuple(Column(_LABELS[task], task, "glue") for task in tasks)


def _pass_at_1(tasks: Iterable[str], model: str | None = None, **settings: Any) -> tuple[Column, ...]:
    suffix = f" ({model})" if model else ""
    return tuple(Column(_LABELS[task] + suffix, task, "pass@1", model, settings=settings) for task in tasks)


def _rank_columns(paper: bool) -> tuple[Column, ...]:
    """The parameter counts of the paper's figure by rank (10.56 M with DeepSeek-Coder 1.3B) are those with CodeSage."""
    glue, cruxeval = _accuracy(("rte", "mrpc", "sst2")), ("cruxeval_i", "cruxeval_o")
    if not paper:
        return glue + _pass_at_1(cruxeval)
    models = ("deepseek_coder_1_3b", "phi_2")
    return glue + tuple(c for model in models for c in _pass_at_1(cruxeval, model, encoder="codesage_small"))


def _code(paper: bool) -> tuple[Row, ...]:
    """The authors' README trains Phi-2 with CodeSage and r = 1, whose scores in the figure by rank are the table's."""
    rows = [
        Row(label, name, reference="")
        for label, name in (("None", "none"), ("FFT", "fft"), ("LoRA", "lora"), ("PT", "pt"))
    ]
    if not paper:
        return (*rows, Row("IDPG", "idpg", reference=""), Row("LOPA", "lopa", reference=""))
    codesage, codebert = {"encoder": "codesage_small"}, {"encoder": "codebert"}
    return (
        *rows,
        Row("IDPG", "idpg", codesage, ""),
        Row("LOPA", "lopa", {"method.rank": 1, **codesage}, ""),
        Row("IDPG, CodeBERT", "idpg", codebert),
        Row("LOPA, CodeBERT", "lopa", {"method.rank": 1, **codebert}),
    )


def _text(paper: bool) -> tuple[Row, ...]:
    """The paper's E2E and WebNLG runs have longer prompts, and LoRA a lower rank, than its others."""
    m100 = {"method.num_virtual_tokens": 100} if paper else {}
    # The authors' scripts run all four (run_multiple_e2e_jobs.sh); which of them is published is not told.
    others = [(100, 1), (50, 4), (50, 1)] if paper else []
    return (
        Row("None", "none"),
        Row("FFT", "fft"),
        Row("LoRA", "lora", {"method.rank": 4} if paper else {}, reference=""),
        Row("PT", "pt", m100, "m=100"),
        Row("IDPG", "idpg", m100),
        Row("LOPA", "lopa", m100, ""),
        *(
            Row(f"LOPA m={m} r={r}", "lopa", {"method.num_virtual_tokens": m, "method.rank": r}, None)
            for m, r in others
        ),
    )


_E2E = tuple(
    Column(label, "e2e", label.lower().replace("-", "_")) for label in ("BLEU", "NIST", "METEOR", "ROUGE-L", "CIDEr")
)
_WEBNLG = tuple(
    Column(f"{name.upper()} {part}", "webnlg", f"{name}_{part}", higher_is_better=name == "bleu")
    for name in ("bleu", "ter")
    for part in ("unseen", "seen", "all")
)
_MAIN = (
    Row("None", "none"),
    Row("FFT", "fft"),
    Row("LoRA", "lora", reference="r=16"),
    Row("PT", "pt", reference="m=10"),
    Row("IDPG", "idpg", reference="m=10"),
    Row("LOPA", "lopa", reference="m=10 r=4"),
)
_BY_RANK = tuple(Row(f"LOPA r={rank}", "lopa", {"method.rank": rank}, f"m=10 r={rank}") for rank in RANKS)
_BY_LENGTH = tuple(
    Row(f"{label} m={m}", method, {"method.num_virtual_tokens": m}, f"m={m}{rank}")
    for label, method, rank in (("PT", "pt", ""), ("IDPG", "idpg", ""), ("LOPA", "lopa", " r=4"))
    for m in LENGTHS
)
_VARIANTS = (
    Row("LOPA", "lopa", reference="m=10 r=4"),
    Row("LOPA_add", "lopa_add", reference="m=10 r=4"),
    Row("LOPA_concat", "lopa_concat"),
    Row("LOPA_max", "lopa_max"),
    Row("LOPA+PHM", "lopa_phm"),
    Row("IDPG", "idpg", reference="m=10"),
    *(Row(f"IDPG+PHM n={n}", "idpg_phm", {"method.phm_blocks": n}, f"m=10 n={n}") for n in (8, 16, 32)),
    Row("DePT", "dept", reference=""),
    Row("P-tuning v2", "p_tuning_v2", reference="m=10"),
    Row("Prefix tuning", "prefix_tuning", reference="m=10"),
    Row("Adapters", "adapter"),
)
_UNPUBLISHED = (
    *(
        Row(f"{label}, encoder {word}", method, {"method.freeze_encoder": frozen})
        for label, method in (("IDPG", "idpg"), ("LOPA", "lopa"), ("LOPA_add", "lopa_add"))
        for word, frozen in (("frozen", True), ("trained", False))
    ),
    *(
        Row(f"{label}, read {place}", method, {"method.prefix_reads": reads})
        for label, method in (("Prefix tuning", "prefix_tuning"), ("P-tuning v2", "p_tuning_v2"))
        for place, reads in (("at the mask", "mask"), ("m tokens after", "shifted"))
    ),
)
