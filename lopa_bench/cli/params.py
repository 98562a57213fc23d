"""``lopa-bench params``: every parameter count of the paper beside the modules' own, on the meta device, without weights."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from lopa_bench.cli import words
from lopa_bench.cli.options import option
from lopa_bench.host.terminal import add_row, say, show, table
from lopa_bench.methods.scale import at_scale
from lopa_bench.models import shapes
from lopa_bench.study.reference import rows as reference_rows

if TYPE_CHECKING:
    from lopa_bench.methods.base import Method
    from lopa_bench.models.backbone import Backbone

SUMMARY = "the paper's parameter counts beside ours, without any weights"
EXAMPLE = "lopa-bench params --json"
MODELS = ("roberta_large", "deepseek_coder_1_3b", "phi_2", "gpt2_medium")
OTHERS = (
    "idpg_layers",
    "idpg_layers_phm",
    "lpt",
    "lpt_pool",
    "adept",
    "input_tuning",
    "id_spam",
    "smop",
    "dora",
    "vera",
)
BEYOND = [
    *((model, method, "") for method in ("lora", "fft") for model in MODELS),  # the paper counts neither
    *(("roberta_large", "lopa", setting) for setting in ("r=full", "r=4 layers=1", "r=1 layers=1")),
    *(("roberta_large", method, "") for method in OTHERS),
]
FIELDS = {"m": "num_virtual_tokens", "r": "rank", "n": "phm_blocks", "layers": "head_layers"}


@dataclasses.dataclass(frozen=True)
class Count:
    """One count of the paper and ours.

    Attributes:
        printed: as the paper prints it ("1.60M"), or None.
        paper: trainable parameters without the instance encoder, as the paper counts.
        official: parameters that get gradients in the authors' released code; on GLUE that trains LOPA's encoder and makes its heads as
            wide as the encoder.
    """

    model: str
    encoder: str | None
    method: str
    setting: str
    printed: str | None
    paper: int
    official: int

    @property
    def equal(self) -> bool | None:
        return None if self.printed is None else in_print(self.paper, self.printed) == self.printed


def in_print(count: int, like: str) -> str:
    """`count` with the unit and the digits of `like`: (1597992, "0.80M") -> "1.60M"."""
    unit = {"K": 1e3, "M": 1e6}[like[-1]]
    return f"{count / unit:.{len(like[:-1].partition('.')[2])}f}{like[-1]}"


def counts() -> Iterator[Count]:
    """Each distinct count of ``report/reference.csv``, then those that the paper has not."""
    seen = set()
    for row in reference_rows():
        key = (row["model"], row["method"], row["setting"], row["trainable_parameters"], encoder_of(row))
        if row["trainable_parameters"] and key not in seen:
            seen.add(key)
            yield counted(*key)
    for model, method, setting in BEYOND:
        yield counted(model, method, setting, None, model)


def _value(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


def encoder_of(row: dict[str, str]) -> str:
    """GLUE reads the instance with the backbone's own model; the code figures by rank with CodeSage, those by length with CodeBERT."""
    if row["model"] == "roberta_large":
        return "roberta_large"
    return "codebert" if row["table"] == "ablation_length" else "codesage_small"


def counted(model: str, method: str, setting: str, printed: str | None, encoder: str) -> Count:
    own, official = at_scale(method, "paper", model), at_scale(method, "official", model)
    given = dict(part.split("=") for part in setting.split())
    changes: dict[str, Any] = {FIELDS[key]: _value(value) for key, value in given.items() if key in FIELDS}
    reads, width = own.reads_instance, shapes.files(encoder).width
    return Count(
        model,
        encoder if reads else None,
        method,
        setting,
        printed,
        paper=_parameters(dataclasses.replace(own, **changes), model, width),
        official=_parameters(dataclasses.replace(official, **changes), model, width)
        + (encoder_parameters(encoder) if reads and official.trains_encoder else 0),
    )


@cache
def _parameters(method: Method, model: str, encoder_width: int) -> int:
    return method.parameters(_backbone(model), encoder_width)


@cache
def _backbone(model: str) -> Backbone:
    return shapes.on_meta(model)


def encoder_parameters(model: str) -> int:
    """The parameters of the body that the instance is read with, without its LM head."""
    return sum(p.numel() for p in _backbone(model).body.parameters())


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    json: bool = option("one list of objects for machines", False)


OPTIONS = Options


def main(argv: Sequence[str]) -> int:
    """0 if every count agrees with its printed digits, else 1."""
    options = words.read(Options, argv, "params")
    found = list(counts())
    different = [count for count in found if count.equal is False]
    if options.json:
        say(json.dumps([{**dataclasses.asdict(c), "equal": c.equal} for c in found], indent=1))
    else:
        _print(found)
        compared = sum(c.equal is not None for c in found)
        say(f"{compared - len(different)} of {compared} printed counts equal ours to their last digit")
    return 1 if different else 0


def _print(found: list[Count]) -> None:
    texts = ("model", "instance encoder", "method", "setting")
    numbers = ("paper prints", "ours", "with gradients in the official code", "equal")
    lines = table(*texts, *numbers, left=len(texts), box=None)
    for c in found:
        verdict = {True: "yes", False: "NO", None: "–"}[c.equal]
        names = (c.model, c.encoder or "–", c.method, c.setting or "–")
        add_row(lines, (*names, c.printed or "–", f"{c.paper:,}", f"{c.official:,}", verdict))
    show(lines, width=160)
