"""Where the bytes and the work of a method are."""

import itertools
import json
import shutil

import pytest
import tiny
import torch
import transformers as hf
from torch.utils.flop_counter import FlopCounterMode

from lopa_bench.cli.cost import milliseconds, size
from lopa_bench.cli.main import main
from lopa_bench.models.flops import forward_flops
from lopa_bench.models.shapes import build
from lopa_bench.serving.bill import CUSTOMISATIONS, Cost, cost, encoder_of, find
from lopa_bench.serving.latency import measure, timed

AT_CLIENT = {"pt", "dept", "adept", "input_tuning", "id_spam", "smop", "none", "encoder_probe", "idpg", "idpg_phm"}


TINY = {"vocab_size": 320, "hidden_size": 32, "num_attention_heads": 4, "intermediate_size": 64, "pad_token_id": 0}


@pytest.fixture
def costs(capsys):
    def run(*argv):
        assert main(["cost", *map(str, argv), "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        return found, {row["method"]: row for row in found["methods"]}

    return run


def test_only_what_the_paper_says_grows_at_the_server(costs):
    found, methods = costs("roberta_large", "--no-latency")
    backbone = found["backbone_bytes"]
    assert backbone == 4 * 355_412_057
    assert found["backbone_ms"] is None
    for name, row in methods.items():
        server = [row["total_server_bytes"][str(n)] for n in CUSTOMISATIONS]
        if name in AT_CLIENT or name.startswith("lopa"):
            assert server == [backbone] * 3, name
        else:
            assert server[0] < server[1] < server[2], name
    assert methods["fft"]["total_server_bytes"]["100"] == 100 * backbone
    assert methods["lora"]["server_bytes"] == 4 * 2_359_296
    assert methods["prefix_tuning"]["server_bytes"] == methods["p_tuning_v2"]["server_bytes"] == 4 * 491_520
    assert methods["lopa"]["client_bytes"] == 4 * 1_597_992
    assert methods["lopa"]["total_client_bytes"]["100"] == 100 * 4 * 1_597_992 + methods["lopa"]["shared_bytes"]
    # A soft prompt stands beside word embeddings, which are the client's too.
    held = {name: methods[name]["shared_bytes"] for name in ("pt", "encoder_probe", "lopa", "lora")}
    assert held["pt"] == 4 * 50265 * 1024
    assert held["lopa"] == held["pt"] + held["encoder_probe"]
    assert held["lora"] == 0
    assert (methods["lopa"]["tokens"], methods["lopa_concat"]["tokens"], methods["p_tuning_v2"]["tokens"]) == (
        10,
        20,
        0,
    )
    assert methods["p_tuning_v2"]["cached"] == 10


def test_a_classifier_costs_nothing_where_there_is_nothing_to_classify(costs):
    """A probe's weights are a class's: a model that the paper gives text to write has no class."""
    probe = costs("roberta_large", "--no-latency")[1]["encoder_probe"]
    assert probe["client_bytes"] == 4 * 3 * (1024 + 1)  # of MNLI's three classes
    assert "encoder_probe" not in costs("smollm2_135m", "--no-latency")[1]


@pytest.mark.parametrize("architecture", ["roberta", "gpt2", "llama"])
def test_flops_are_those_that_torch_counts(architecture, tiny_models):
    """Of the matrix products; torch counts whole attention matrices of causal models too."""
    backbone = build(find(str(tiny_models(architecture))), "cpu").eval()
    backbone.model.set_attn_implementation("eager")
    embeds, mask = torch.randn(1, 40, 32), torch.ones(1, 40, dtype=torch.long)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        backbone.hidden(embeds, mask)
    expected = forward_flops(backbone.body, backbone.config, 40, 40, causal=False)
    assert counter.get_total_flops() == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(
            hf.AlbertConfig(embedding_size=16, num_hidden_layers=6, **TINY), id="layers that share their weights"
        ),
        pytest.param(
            hf.Qwen3Config(head_dim=32, num_hidden_layers=2, num_key_value_heads=2, **TINY),
            id="heads wider than the states",
        ),
    ],
)
def test_flops_of_models_that_are_not_layers_of_one_width(config):
    body = hf.AutoModel.from_config(config, attn_implementation="eager").eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        body(input_ids=torch.randint(300, (1, 40)))
    expected = forward_flops(body, config, 40, 40, causal=False)
    assert counter.get_total_flops() == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("method", ["lora", "adapter"])
def test_flops_inside_the_model(method, tiny_models):
    folder = tiny_models("roberta")
    files = find(str(folder))
    settings = tiny.settings(folder, method).method
    one = cost(settings, build(files, "meta"), build(files, "meta"), tokens=40)

    def counted(model):
        batch = tiny.batch(model, tiny.rows(model, lengths=[40]))
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            model.hidden(batch)
        return counter.get_total_flops()

    difference = counted(tiny.adapt(folder, method)) - counted(tiny.adapt(folder, "none"))
    assert one.server_flops == difference


@pytest.mark.parametrize("architecture", ["roberta", "gpt2"])
def test_a_late_prompt_is_read_by_the_layers_above_it(architecture, tiny_models):
    """Counted by torch as the bare model's flops on 40 tokens for the first layer, on 44 for the second, and the generator's."""
    folder, files = tiny_models(architecture), find(str(tiny_models(architecture)))
    backbone = build(files, "meta")

    def extra(*settings):
        one = cost(tiny.settings(folder, "lpt", *settings).method, backbone, backbone, tokens=40)
        return one.server_flops

    causal = backbone.kind == "causal"
    of_two = forward_flops(backbone.body, backbone.config, 44, 44, causal) - forward_flops(
        backbone.body, backbone.config, 40, 40, causal
    )
    assert extra("method.layer=0", "method.generator=none") == of_two
    assert extra("method.layer=1", "method.generator=none") == of_two // 2
    assert extra("method.layer=1") - extra("method.layer=1", "method.generator=none") == 2 * (32 * 8 + 8 * 4 * 32)


def test_the_instance_is_read_by_the_model_that_a_run_takes():
    names = {"gpt2_medium": "roberta_large", "phi_2": "codebert", "gpt2": "minilm", "roberta_large": "roberta_large"}
    assert {name: encoder_of(name, find(name)).source for name in names} == names
    assert encoder_of("mini:mini-clm", find("mini:mini-clm")) == find("mini:mini-clm")


def test_what_the_client_computes_once_a_request(costs):
    """LOPA's two heads and u vᵀ; IDPG's head; for every token ADePT's two matrices and ID-SPAM's three, and its attention."""
    _, methods = costs("roberta_large", "--no-latency", "--tokens", "50")
    encoder = methods["idpg"]["client_flops"] - 2 * (1024 * 256 + 256 * 10 * 1024)
    assert methods["lopa"]["client_flops"] - encoder == 2 * (2 * 1024 * 256 + 256 * 4 * 1034 + 10 * 4 * 1024)
    assert methods["adept"]["client_flops"] == 2 * 50 * 2 * 1024 * 4
    assert methods["pt"]["client_flops"] == methods["lora"]["client_flops"] == 0
    once, attention = 64 * 1024 + 64 * 10 * 1024, 2 * 50 * 50 * 1024
    assert methods["id_spam"]["client_flops"] == 2 * (3 * 50 * 1024**2 + attention + once)
    # M-IDPG's head is the server's, at each of 24 layers.
    tokens = methods["idpg_layers"]["server_flops"] - 24 * 2 * (1024 * 16 + 16 * 5 * 1024)
    assert tokens == methods["dept"]["server_flops"]


def test_measured_latency(costs, tiny_models):
    found, methods = costs(tiny_models("roberta"), "--tokens", 20)
    assert found["backbone_ms"] > 0
    assert methods["none"]["server_ms"] == methods["fft"]["server_ms"] == 0.0
    assert methods["lopa"]["client_ms"] > methods["pt"]["client_ms"] > 0
    # The instance is read at the client, whatever is made of it there or at the server.
    assert methods["idpg_layers"]["client_ms"] > 0
    assert methods["encoder_probe"]["client_ms"] > 0
    assert methods["lora"]["client_ms"] is None
    assert all(row["server_ms"] is not None and row["server_ms_spread"] >= 0 for row in methods.values())


def test_latency_is_what_a_call_takes_more_and_how_much_that_varies(monkeypatch):
    """A clock that goes on by 5 ms in one call and by 2 ms in the other, and one that jumps by itself."""
    clock = {"now": 0.0}
    monkeypatch.setattr("lopa_bench.serving.latency.time.perf_counter", lambda: clock["now"])

    def takes(*seconds):
        turns = itertools.cycle(seconds)
        return lambda: clock.update(now=clock["now"] + next(turns))

    ms, spread = timed(takes(0.005), beside=takes(0.002))
    assert (ms, spread) == (pytest.approx(3.0), pytest.approx(0.0, abs=1e-9))
    assert milliseconds(ms, spread) == "+3.0 ± 0.0"
    assert milliseconds(*timed(takes(0.005, 0.001), beside=takes(0.003))) == "not measurable"
    assert milliseconds(None, None) == milliseconds(0.0, 0.0) == "–"


def test_table(tiny_models, capsys):
    assert main(["cost", str(tiny_models("roberta")), "--no-latency"]) == 0
    out = capsys.readouterr().out
    assert "server × 10,000" in out
    assert "p_tuning_v2" in out


def test_bad_input(tiny_models, capsys):
    assert main(["cost", "roberta-large"]) == 2
    assert "nearest: roberta_large" in capsys.readouterr().err
    assert main(["cost", str(tiny_models("roberta")), "--tokens", "500"]) == 2
    assert "reads 1 to 109" in capsys.readouterr().err


def test_sizes():
    assert [size(n) for n in (0, 999, 1_421_648_228, 14_216_482_280_000)] == ["0 B", "999 B", "1.42 GB", "14.2 TB"]
    fft = Cost("fft", backbones=True)
    assert (fft.at_server(10, 100), fft.at_client(100)) == (1000, 0)


def test_the_instance_is_cut_to_what_its_encoder_reads_and_put_in_its_own_tokens(tiny_models, tmp_path):
    """An encoder with fewer tokens and positions than the backbone: it is asked for no other, and billed for no more."""
    folder = tiny_models("roberta")
    shutil.copytree(folder, tmp_path / "narrow")
    told = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    told |= {"vocab_size": 9, "max_position_embeddings": 12 + 2}
    (tmp_path / "narrow" / "config.json").write_text(json.dumps(told), encoding="utf-8")
    files, narrow = find(str(folder)), find(str(tmp_path / "narrow"))
    method = tiny.settings(folder, "lopa").method
    _, (latency,) = measure([method], files, narrow, tokens=30)
    assert latency.client.ms > 0
    backbone, encoder = build(files, "meta"), build(narrow, "meta")
    billed = [cost(method, backbone, encoder, tokens).client_flops for tokens in (6, narrow.positions, 30)]
    assert billed[0] < billed[1] == billed[2]
