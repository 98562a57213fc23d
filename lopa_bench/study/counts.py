"""The paper's parameter counts beside the modules' own, on the meta device, without weights; then those that the paper does not print."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from lopa_bench.methods.paper_values import at_scale
from lopa_bench.models import shapes
from lopa_bench.study.reference import SHORT, rows, spelled_out
from lopa_bench.study.spec import default_encoder, default_model
from lopa_bench.study.tables import tables

if TYPE_CHECKING:
    from lopa_bench.methods.base import Method
    from lopa_bench.models.backbone import Backbone

OF_METHOD = "method."


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
        """Whether ours has the printed digits; None where nothing is printed."""
        return None if self.printed is None else in_print(self.paper, self.printed) == self.printed


def in_print(count: int, like: str) -> str:
    """`count` with the unit and the digits of `like`: (1597992, "0.80M") -> "1.60M"."""
    unit = {"K": 1e3, "M": 1e6}[like[-1]]
    return f"{count / unit:.{len(like[:-1].partition('.')[2])}f}{like[-1]}"


def counts() -> Iterator[Count]:
    """Each distinct count of ``reference.csv``, then of what the tables show on the same models where the paper prints none."""
    printed = [
        (row["model"], row["method"], row["setting"], row["trainable_parameters"], encoder_of(row))
        for row in rows()
        if row["trainable_parameters"]
    ]
    done = set()
    for key in dict.fromkeys(printed):
        model, method, setting, _, encoder = key
        done.add((model, encoder, _as_set(method, "paper", model, setting)))
        yield counted(*key)
    for model, method, setting, encoder in _of_tables():
        key_of_own = (model, encoder, _as_set(method, "paper", model, setting))
        if key_of_own not in done:
            done.add(key_of_own)
            count = counted(model, method, setting, None, encoder)
            if count.official:  # the untouched model trains nothing
                yield count


def _of_tables() -> Iterator[tuple[str, str, str, str]]:
    """Model, method, setting and encoder of the tables' cells whose settings are sizes, on the models of the paper's numbers."""
    models = {row["model"] for row in rows()}
    names = {key: name for name, key in SHORT.items() if key.startswith(OF_METHOD)}
    for table in tables("paper"):
        for row in table.rows:
            for column in table.columns:
                model = column.model or default_model("paper", column.task)
                settings = {**column.settings, **row.settings}
                encoder = settings.pop("encoder", default_encoder(model))
                if model in models and settings.keys() <= names.keys():
                    setting = " ".join(f"{name}={settings[key]}" for key, name in names.items() if key in settings)
                    yield model, row.method, setting, model if encoder == "backbone" else encoder


def encoder_of(row: dict[str, str]) -> str:
    """GLUE reads the instance with the backbone's own model; the code figures by rank with CodeSage, those by length with CodeBERT."""
    if row["model"] == "roberta_large":
        return "roberta_large"
    return "codebert" if row["table"] == "ablation_length" else "codesage_small"


def counted(model: str, method: str, setting: str, printed: str | None, encoder: str) -> Count:
    """The count of a method with a setting as the tables write it ("m=10 r=4"), on a model and beside an instance encoder of conf/.

    Raises:
        UserError: a model whose shape is not known.
    """
    own, official = (_as_set(method, recipe, model, setting) for recipe in ("paper", "official"))
    width = shapes.files(encoder).width
    return Count(
        model,
        encoder if own.reads_instance else None,
        method,
        setting,
        printed,
        paper=_parameters(own, model, width),
        official=_parameters(official, model, width) + (encoder_parameters(encoder) if official.trains_encoder else 0),
    )


def _as_set(method: str, recipe: str, model: str, setting: str) -> Method:
    sizes = ((key, value) for key, value in spelled_out(setting).items() if key.startswith(OF_METHOD))
    changes: dict[str, Any] = {key.removeprefix(OF_METHOD): _value(value) for key, value in sizes}
    return dataclasses.replace(at_scale(method, recipe, model), **changes)


def _value(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


@cache
def _parameters(method: Method, model: str, encoder_width: int) -> int:
    return method.parameters(_backbone(model), encoder_width)


@cache
def _backbone(model: str) -> Backbone:
    return shapes.on_meta(model)


def encoder_parameters(model: str) -> int:
    """The parameters of the body that the instance is read with, without its LM head."""
    return sum(p.numel() for p in _backbone(model).body.parameters())
