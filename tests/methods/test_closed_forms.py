"""Trainable parameters: modules of RoBERTa-large's shape on the meta device against the paper's exact arithmetic."""

import pytest
import torch

from lopa_bench.config.compose import load_config
from lopa_bench.methods.parts import Parts
from lopa_bench.methods.readout import Classifier
from lopa_bench.models import shapes
from lopa_bench.models.shape import Shape

ROBERTA_LARGE = Shape(width=1024, layers=24, key_width=1024, encoder_width=1024, positions=512, parameters=355_412_057)


def count(*overrides: str, shape: Shape = ROBERTA_LARGE) -> int:
    method = load_config(["scale=paper", *overrides]).method
    with torch.device("meta"):
        return sum(p.numel() for p in Parts(method.parts(shape)).parameters())


@pytest.mark.parametrize("m", [5, 10, 25, 50, 100])
def test_prompt_tuning(m):
    assert count("method=pt", f"method.num_virtual_tokens={m}") == m * 1024


@pytest.mark.parametrize(("rank", "expected"), [(1, 800_778), (2, 1_066_516), (4, 1_597_992)])
def test_lopa_by_rank(rank, expected):
    assert count("method=lopa", f"method.rank={rank}") == expected


@pytest.mark.parametrize(("m", "printed"), [(5, 1.59), (10, 1.60), (25, 1.63), (50, 1.68), (100, 1.78)])
def test_lopa_by_length(m, printed):
    exact = m * 1024 + 2 * (1024 * 256 + 256) + 257 * 4 * (m + 1024)
    assert count("method=lopa", f"method.num_virtual_tokens={m}") == exact
    assert round(exact / 1e6, 2) == printed


@pytest.mark.parametrize("variant", ["lopa_add", "lopa_concat", "lopa_max"])
def test_variants_cost_the_same(variant):
    assert count(f"method={variant}") == 1_597_992


@pytest.mark.parametrize(("m", "printed"), [(5, 1.58), (10, 2.89), (25, 6.84), (50, 13.42), (100, 26.58)])
def test_idpg(m, printed):
    exact = 1024 * 256 + 256 + 257 * m * 1024
    assert count("method=idpg", f"method.num_virtual_tokens={m}") == exact
    assert round(exact / 1e6, 2) == printed


@pytest.mark.parametrize(("n", "expected"), [(8, 371_968), (16, 198_912), (32, 166_144)])
def test_idpg_phm(n, expected):
    assert count("method=idpg_phm", f"method.phm_blocks={n}") == expected


LPT = [("naive", 5, 128, 791_680), ("naive", 10, 128, 1_452_160), ("naive", 10, 256, 2_894_080), ("pool_mean", 10, 128, 263_296),
       ("pool_max", 5, 128, 263_296), ("none", 20, 128, 20_480)]  # fmt: skip


@pytest.mark.parametrize(("generator", "m", "hidden", "expected"), LPT)
def test_lpt(generator, m, hidden, expected):
    settings = (f"generator={generator}", f"num_virtual_tokens={m}", f"bottleneck={hidden}")
    assert count("method=lpt", *(f"method.{each}" for each in settings)) == expected


@pytest.mark.parametrize(
    ("width", "rank", "printed"), [(2048, 1, 4.23), (2048, 2, 6.34), (2048, 4, 10.56), (2560, 4, 12.66)]
)
def test_code_models_with_heads_as_wide_as_the_encoder(width, rank, printed):
    shape = Shape(width=width, layers=24, key_width=width, encoder_width=1024, positions=2048, parameters=0)
    got = count("method=lopa", "method.head_size=encoder", f"method.rank={rank}", shape=shape)
    assert round(got / 1e6, 2) == printed


def test_gated_full_rank():
    """Z_S beside IDPG's head: m·d + E·H + H + (H+1)·m·d."""
    for method in ("lopa", "lopa_add"):
        assert count(f"method={method}", "method.rank=full") == 2_904_320
    assert count("method=lopa", "method.rank=full") == 10 * 1024 + count("method=idpg")


@pytest.mark.parametrize(("rank", "expected"), [(4, 4_249_640), (1, 1_070_090)])
def test_heads_without_a_hidden_layer(rank, expected):
    assert count("method=lopa", "method.head_layers=1", f"method.rank={rank}") == expected
    assert expected == 10 * 1024 + 1025 * rank * (10 + 1024)


def test_idpg_with_prompts_at_every_layer():
    """Wu et al. 2022 print 134K for the second, 137,232 / 1,024."""
    assert count("method=idpg_layers") == 221_200
    assert count("method=idpg_layers_phm") == 137_232
    assert count("method=idpg_layers", "method.num_virtual_tokens=10") == 426_000
    assert count("method=idpg_layers_phm", "method.num_virtual_tokens=10") == 265_232
    assert count("method=idpg_layers", "method.bias=shared") == 221_200 - 23 * 5 * 1024
    assert count("method=idpg", "method.num_virtual_tokens=5") == 1_578_240


ROBERTA_BASE = Shape(width=768, layers=12, key_width=768, encoder_width=768, positions=512, parameters=0)


def test_prompts_at_the_input_of_others():
    """ADePT m=5 r=4, SMoP k=4 l=5; ID-SPAM as its paper prints it, for which it does not tell m and the bottleneck."""
    assert count("method=adept") == 14_340
    assert count("method=input_tuning") == 10 * 1024 + 2 * 1024 * 64 + 64 + 1024
    assert count("method=smop") == 24_576
    assert count("method=id_spam", "method.num_virtual_tokens=5") == 3_538_944
    assert count("method=id_spam", "method.num_virtual_tokens=5", shape=ROBERTA_BASE) == 2_064_384
    assert count("method=id_spam") == 3 * 1024**2 + 64 * 1024 * 11


def test_the_classifier_is_counted_apart():
    with torch.device("meta"):
        classifier = Classifier(1024, [1, 2], 50265)
    assert sum(p.numel() for p in classifier.parameters()) == 1_051_650


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("lora", 24 * 3 * 16 * 2 * 1024),
        ("dora", 24 * 3 * (16 * 2 * 1024 + 1024)),  # a norm for each output
        ("vera", 24 * 3 * (256 + 1024)),  # one vector of the rank and one of the outputs
    ],
)
def test_adapters_of_peft(method, expected):
    settings = load_config(["scale=paper", "task=rte", f"method={method}"]).method
    assert settings.parameters(shapes.on_meta("roberta_large"), 1024) == expected
