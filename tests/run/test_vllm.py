"""What vLLM would be asked, seen by a stand-in for it; vLLM itself is not run here."""

import sys
from types import ModuleType, SimpleNamespace

import pytest
import tiny
import torch
from safetensors import safe_open

from lopa_bench.config.schema import Generation
from lopa_bench.errors import UserError
from lopa_bench.models.batches import Row, Split
from lopa_bench.models.decoding import GenerationSpec
from lopa_bench.run import vllm
from lopa_bench.run.ask import ask as answers
from lopa_bench.run.preflight import preflight

SETTINGS = {
    "decoding": "sample",
    "max_new_tokens": 4,
    "temperature": 0.6,
    "top_p": 0.95,
    "num_samples": 2,
    "num_beams": 1,
    "length_penalty": 1.0,
    "count_prompt": False,
    "select_rows": None,
    "generator": "vllm",
}


@pytest.fixture
def fake_vllm(monkeypatch):
    """A module with vLLM's names that remembers how it was called."""
    calls = SimpleNamespace(engines=[], requests=[])

    class LLM:
        def __init__(self, **options):
            calls.engines.append(options)

        def generate(self, prompts, parameters, *, lora_request, use_tqdm):
            weights = []
            if lora_request is not None:
                with safe_open(f"{lora_request[2]}/adapter_model.safetensors", "pt") as file:
                    weights = list(file.keys())
            calls.requests.append((prompts, parameters, lora_request, weights))
            sample = SimpleNamespace(token_ids=(5, 6))
            return [SimpleNamespace(outputs=[sample] * p["n"]) for p in parameters]

    package, lora, request = ModuleType("vllm"), ModuleType("vllm.lora"), ModuleType("vllm.lora.request")
    package.LLM, package.SamplingParams = LLM, lambda **given: given
    request.LoRARequest = lambda name, number, path: (name, number, path)
    for module in (package, lora, request):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    vllm.engine.cache_clear()
    yield calls
    vllm.engine.cache_clear()


def ask(folder, method):
    """Two rows, padded on the left in one batch, through the generator."""
    model, config = tiny.adapt(folder, method), tiny.settings(folder, method)
    rows = [Row([20, 21, 22], [], [], [20, 21, 22]), Row([30], [], [], [30])]
    split = Split(rows, model.backbone.tokenizer.pad_token_id, side="left")
    if model.encoder is not None:
        split.features = model.encoder.features([row.encoder_ids for row in rows])
    spec = GenerationSpec(Generation(**SETTINGS), ("\ndef",), 4, seed=3)
    return model, split, vllm.tokens(model, split, config, spec, [4, 3])


def test_a_soft_prompt_goes_before_the_embedded_input_without_padding(fake_vllm, tiny_models):
    model, split, new = ask(tiny_models("gpt2"), "lopa")
    assert new == [[[5, 6], [5, 6]]] * 2
    (engine,), ((prompts, parameters, lora, _),) = fake_vllm.engines, fake_vllm.requests
    assert engine["enable_prompt_embeds"]
    assert "enable_lora" not in engine
    assert lora is None
    for i, prompt in enumerate(prompts):
        embeds, mask = model.inputs(split.part([i]).batch([0]))
        assert mask.all()
        torch.testing.assert_close(prompt["prompt_embeds"], embeds[0])
    assert [p["max_tokens"] for p in parameters] == [4, 3]
    assert parameters[0]["seed"] != parameters[1]["seed"]
    assert {k: parameters[0][k] for k in ("n", "temperature", "top_p", "stop")} == {
        "n": 2, "temperature": 0.6, "top_p": 0.95, "stop": ["\ndef"],
    }  # fmt: skip


def test_lora_goes_as_an_adapter(fake_vllm, tiny_models):
    model, _, _ = ask(tiny_models("gpt2"), "lora")
    ask(tiny_models("gpt2"), "lora")
    (engine,) = fake_vllm.engines  # one for both
    assert engine["enable_lora"]
    assert engine["max_lora_rank"] == 16
    (prompts, _, first, weights), (_, _, second, _) = fake_vllm.requests
    assert [prompt["prompt_token_ids"] for prompt in prompts] == [[20, 21, 22], [30]]
    assert first[:2] != second[:2]  # vLLM keeps an adapter by its number
    assert len(weights) == len(model.trainable())


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["method=pt"], "vllm is not installed; pip install"),
        (["method=pt", "generation.decoding=beam"], "decoding=beam is not written by it"),
        (["method=fft"], "method=fft changes more of the backbone"),
        (["method=lora", "method.rank=513"], "method.rank=513: vLLM takes adapters of rank 512 at most"),
        (["method=prefix_tuning"], "method=prefix_tuning changes more of the backbone"),
    ],
)
def test_what_cannot_be_is_one_line(more, message, monkeypatch):
    from lopa_bench.config.compose import load_config

    installed = None if "installed" in message else object()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: installed)
    with pytest.raises(UserError, match=message) as refused:
        preflight(load_config(["task=e2e", *more, "generation.generator=vllm"]))
    assert "\n" not in str(refused.value)


def test_an_adapter_that_vllm_cannot_put_under_a_model_is_refused_before_training(tiny_models, monkeypatch):
    from lopa_bench.config.compose import load_config

    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    words = ["task=e2e", "method=lora", "model=local", f"model.path={tiny_models('gpt2')}", "train.max_length=60"]
    with pytest.raises(UserError, match="vLLM puts no adapter under model=gpt2"):
        preflight(load_config([*words, "generation.generator=vllm", "generation.max_new_tokens=8"]))


def test_another_generator_is_named():
    from lopa_bench.config.compose import load_config

    with pytest.raises(UserError, match=r"generation\.generator=vlm .*nearest: generation\.generator=vllm"):
        load_config(["task=e2e", "method=pt", "generation.generator=vlm"])


def test_a_run_whose_texts_vllm_wrote_is_not_asked_without_it(tiny_models, tmp_path, monkeypatch):
    folder = tiny_models("gpt2")
    config = tiny.replace(tiny.settings(folder, "pt"), generation=Generation(**SETTINGS))
    monkeypatch.setattr("lopa_bench.host.extras.find_spec", lambda package: None)
    with pytest.raises(
        UserError, match=r"generation.generator=vllm, which wrote this run's texts, needs the package vllm"
    ):
        next(answers(tiny.adapt(folder, "pt"), config, tmp_path / "inputs.csv"))
