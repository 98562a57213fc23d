"""The paper's parameter counts, from shapes alone."""

import json

import pytest

from lopa_bench.cli.main import main
from lopa_bench.errors import UserError
from lopa_bench.models import shapes
from lopa_bench.study.counts import Count, encoder_of, in_print
from lopa_bench.study.reference import rows

# Of the published checkpoints, input and output embeddings counted once where they are tied.
PUBLISHED = {
    "roberta_large": 355_412_057,
    "gpt2_medium": 354_823_168,
    "codegen_350m": 356_712_448,
    "deepseek_coder_1_3b": 1_346_471_936,
    "deepseek_coder_7b": 6_910_365_696,
    "phi_2": 2_779_683_840,
    "phi_3_mini": 3_821_079_552,
    "llama_3_8b": 8_030_261_248,
}


@pytest.mark.parametrize(("name", "parameters"), PUBLISHED.items())
def test_shapes_have_the_published_sizes(name, parameters):
    backbone = shapes.on_meta(name)
    assert backbone.model.num_parameters() == parameters
    assert all(p.is_meta for p in backbone.parameters())


def test_every_printed_count_is_there_and_equal(capsys):
    assert main(["params", "--json"]) == 0
    counts = json.loads(capsys.readouterr().out)
    printed = [row for row in rows() if row["trainable_parameters"]]
    assert len(printed) > 80
    keys = {(c["model"], c["method"], c["setting"], c["printed"]) for c in counts}
    assert {(r["model"], r["method"], r["setting"], r["trainable_parameters"]) for r in printed} <= keys
    assert {c["equal"] for c in counts} == {True, None}

    exact = {(c["model"], c["method"], c["setting"]): c for c in counts}
    lopa = exact["roberta_large", "lopa", "m=10 r=4"]
    assert lopa["paper"] == 1_597_992
    # Heads as wide as the encoder, and RoBERTa-large's body without its LM head.
    body = 355_412_057 - (1024 * 1024 + 1024 + 2 * 1024 + 50_265)
    assert lopa["official"] == 10 * 1024 + 2 * (1024 * 1024 + 1024) + 1025 * 4 * (10 + 1024) + body
    idpg = exact["roberta_large", "idpg", "m=10"]
    assert idpg["paper"] == idpg["official"] == 2_894_080  # the encoder is frozen there too
    assert exact["roberta_large", "dept", ""]["paper"] == 10_240
    assert exact["roberta_large", "p_tuning_v2", "m=10"]["paper"] == 491_520
    assert exact["roberta_large", "prefix_tuning", "m=10"]["paper"] == 25_750_016
    assert exact["roberta_large", "fft", ""]["paper"] == 355_412_057
    assert exact["roberta_large", "lora", ""]["paper"] == 24 * 3 * 2 * 16 * 1024
    assert exact["gpt2_medium", "lora", "r=4"]["paper"] == 24 * 4 * (1024 + 3 * 1024)


def test_a_differing_count_fails(monkeypatch, capsys):
    monkeypatch.setattr(
        "lopa_bench.cli.params.counts", lambda: [Count("phi_2", None, "pt", "m=10", "0.04M", 25_600, 25_600)]
    )
    assert main(["params"]) == 1
    out = capsys.readouterr().out
    assert "NO" in out
    assert "0 of 1 printed counts equal" in out


@pytest.mark.parametrize(
    ("count", "like", "text"), [(1_597_992, "0.80M", "1.60M"), (10_240, "9.9K", "10.2K"), (5120, "0.01M", "0.01M")]
)
def test_in_print(count, like, text):
    assert in_print(count, like) == text


def test_encoders():
    row = {"model": "deepseek_coder_1_3b", "table": "ablation_rank"}
    assert encoder_of(row) == "codesage_small"
    assert encoder_of({**row, "table": "ablation_length"}) == "codebert"


def test_unknown_shape_is_named():
    with pytest.raises(UserError, match="nearest: roberta_large"):
        shapes.files("roberta-large")
