"""The tables, declared: which methods stand in the rows, which tasks and metrics in the columns.

A row or column is a set of settings. The same settings select finished runs, and spell the command
that makes a missing one, so a table can never show another run than the one its command would make.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lopa_bench.errors import UserError

SCALES = ("mini", "paper")


@dataclass(frozen=True)
class Row:
    """One line of a table: a method and where it leaves its defaults.

    Attributes:
        reference: this row's ``setting`` in reference.csv; None where the paper has no such row.
    """

    label: str
    method: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    reference: str | None = None


@dataclass(frozen=True)
class Column:
    """One column: a task, the metric shown, the model (None: the one the scale gives the task)."""

    label: str
    task: str
    metric: str
    model: str | None = None
    higher_is_better: bool = True


@dataclass(frozen=True)
class TableSpec:
    """A table of the paper, or one it lacks. ``reference`` is its name in reference.csv."""

    name: str
    title: str
    rows: tuple[Row, ...]
    columns: tuple[Column, ...]
    reference: str | None = None


# Without settings of its own a row means these (conf/method, conf/recipe/paper.yaml; the paper's
# m = 10 and r = 4). They select; only what differs from them is spelled in a command.
_ENCODER = {"method.num_virtual_tokens": 10, "method.freeze_encoder": True}
_LOPA = {**_ENCODER, "method.rank": 4}
_PREFIX = {"method.num_virtual_tokens": 10, "method.prefix_reads": "mask"}
METHOD_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "none": {},
    "fft": {},
    "lora": {"method.rank": 16},
    "adapter": {},
    "pt": {"method.num_virtual_tokens": 10},
    "prefix_tuning": _PREFIX,
    "p_tuning_v2": _PREFIX,
    "dept": {"method.num_virtual_tokens": 5},
    "idpg": _ENCODER,
    "idpg_phm": {**_ENCODER, "method.phm_blocks": 8},
    "lopa": _LOPA,
    "lopa_add": _LOPA,
    "lopa_concat": _LOPA,
    "lopa_max": _LOPA,
    "lopa_phm": {**_LOPA, "method.phm_blocks": 8},
}
RUN_DEFAULTS: Mapping[str, Any] = {"recipe": "paper", "selection": "holdout", "scale": "mini"}

_MODELS = {
    "mini": {"glue": "mini_mlm", "code": "mini_clm", "e2e": "mini_clm", "webnlg": "mini_clm"},
    "paper": {"glue": "roberta_large", "code": "deepseek_coder_1_3b", "e2e": "gpt2_medium", "webnlg": "gpt2_medium"},
}
GLUE = ("rte", "mrpc", "sst2", "qnli", "mnli", "qqp")
CODE = ("mbpp", "cruxeval_i", "cruxeval_o")
GENERATION = (*CODE, "e2e", "webnlg")
_LABELS = {task: task.upper() for task in GLUE} | {
    "sst2": "SST-2",
    "mbpp": "MBPP",
    "cruxeval_i": "CRUXEval-I",
    "cruxeval_o": "CRUXEval-O",
}
RANKS = (1, 2, 4)
LENGTHS = (5, 10, 25, 50, 100)


def spell(value: Any) -> str:
    """A setting's value as it is typed in an override: ``null``, ``true``, ``4``."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def family(task: str) -> str:
    """``glue``, ``code``, ``e2e`` or ``webnlg``."""
    return "glue" if task in GLUE else "code" if task in CODE else task


def default_model(scale: str, task: str) -> str:
    """The model that conf/scale/<scale>.yaml gives to a task."""
    return _MODELS[scale][family(task)]


def scale_settings(scale: str, task: str) -> dict[str, Any]:
    """What runs beside the paper's numbers need: its GLUE scores are the best epoch's on the reported split, others the last's."""
    if scale != "paper":
        return {}
    return {"scale": "paper", "selection": "paper" if task in GLUE else "last"}


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
    text = _text(paper=scale == "paper")
    phi = "phi_2" if scale == "paper" else None
    return [
        TableSpec("glue", "GLUE", _MAIN, _accuracy(GLUE), "glue"),
        TableSpec("code", "Code: MBPP and CRUXEval", _CODE, _pass_at_1(CODE, phi), "code"),
        TableSpec("e2e", "Text from data: E2E", text, _E2E, "e2e"),
        TableSpec("webnlg", "Text from data: WebNLG", text, _WEBNLG, "webnlg"),
        TableSpec("ablation_rank", "Rank of LOPA", _BY_RANK, _rank_columns(scale), "ablation_rank"),
        TableSpec(
            "ablation_length",
            "Number of virtual tokens",
            _BY_LENGTH,
            _accuracy(("mrpc", "rte", "sst2")),
            "ablation_length",
        ),
        TableSpec("rebuttal", "LOPA, its variants, other prompts", _VARIANTS, _accuracy(GLUE), "glue"),
        TableSpec(
            "unpublished",
            "Not in the paper: instance encoder frozen or trained; prefixes read at the mask "
            "or m tokens after it, as the released code does",
            _UNPUBLISHED,
            _accuracy(GLUE),
        ),
    ]


def _accuracy(tasks: Iterable[str]) -> tuple[Column, ...]:
    return tuple(Column(_LABELS[task], task, "glue") for task in tasks)


def _pass_at_1(tasks: Iterable[str], model: str | None = None) -> tuple[Column, ...]:
    suffix = f" ({model})" if model else ""
    return tuple(Column(_LABELS[task] + suffix, task, "pass@1", model) for task in tasks)


def _rank_columns(scale: str) -> tuple[Column, ...]:
    glue, cruxeval = _accuracy(("rte", "mrpc", "sst2")), ("cruxeval_i", "cruxeval_o")
    if scale == "mini":
        return glue + _pass_at_1(cruxeval)
    return glue + _pass_at_1(cruxeval, "deepseek_coder_1_3b") + _pass_at_1(cruxeval, "phi_2")


def _text(paper: bool) -> tuple[Row, ...]:
    """The paper's E2E and WebNLG runs have longer prompts, and LoRA a lower rank, than its others."""
    m100 = {"method.num_virtual_tokens": 100} if paper else {}
    return (
        Row("None", "none"),
        Row("FFT", "fft"),
        Row("LoRA", "lora", {"method.rank": 4} if paper else {}, reference=""),
        Row("PT", "pt", m100, "m=100"),
        Row("IDPG", "idpg", m100),
        Row("LOPA", "lopa", m100, ""),
    )


_E2E = tuple(
    Column(label, "e2e", label.lower().replace("-", "_")) for label in ("BLEU", "NIST", "METEOR", "ROUGE-L", "CIDEr")
)
_WEBNLG = tuple(
    Column(f"{name.upper()} {part}", "webnlg", f"{name}_{part}", higher_is_better=name == "bleu")
    for name in ("bleu", "ter")
    for part in ("unseen", "seen", "all")
)
_CODE = tuple(
    Row(label, method, reference="")
    for label, method in (
        *(("None", "none"), ("FFT", "fft"), ("LoRA", "lora")),
        *(("PT", "pt"), ("IDPG", "idpg"), ("LOPA", "lopa")),
    )
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
