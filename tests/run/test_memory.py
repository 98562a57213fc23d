"""The estimate of memory against what is truly kept, and against the peaks of real runs."""

import json
import os
import subprocess
import sys

import pytest
import tiny
import torch

from lopa_bench.config.compose import load_config
from lopa_bench.mini import records
from lopa_bench.models.shapes import files, on_meta
from lopa_bench.models.tokens import cloze_ids
from lopa_bench.run.inputs import encode, examples_of, longest_row
from lopa_bench.run.memory import Memory, batch, estimate, parameters, written_bytes
from lopa_bench.run.records import read_records
from lopa_bench.run.saved import saved_bytes

MIB = 2**20


@pytest.mark.parametrize("architecture", ["roberta", "gpt2", "llama"])
@pytest.mark.parametrize("method", ["lopa", "fft", "lora"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_shapes_keep_what_numbers_keep(precision, architecture, method, tiny_models):
    """A pass on the meta device against one with numbers on the CPU."""
    folder = tiny_models(architecture)
    small = "train.max_length=40", "train.batch_size=8", f"precision={precision}"
    config = tiny.settings(folder, method, *small)
    model = tiny.adapt(folder, method, *small, precision=precision).train()
    shaped = batch(config, model, 40)
    real = type(shaped)(**{k: torch.zeros_like(v, device="cpu") for k, v in vars(shaped).items() if v is not None})
    real.attention_mask[:, :-1] = 1  # padding: a mask of ones would be left out
    numbers = saved_bytes(model, real)
    assert estimate(config, 40).activations == pytest.approx(numbers, rel=0.01)


@pytest.mark.parametrize("method", ["lopa", "lora"])
def test_longer_texts_need_no_less(method, tiny_models):
    """Though on a CPU attention of the short ones is computed in fp32, and of the long ones in bf16."""
    config = tiny.settings(tiny_models("llama"), method, "train.batch_size=8", "precision=bf16")
    kept = [estimate(config, tokens).activations for tokens in range(150, 210, 6)]
    assert kept == sorted(kept)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fft", "lopa"])
def test_measured_peaks_at_mini_scale(method, tmp_path):
    """What a batch of 400 rows takes more than one of 8, each in a process of its own: the interpreter's memory is in both."""
    model = tiny.adapt("mini:mini-mlm", "none")
    measured, estimated = [], []
    for rows in (400, 8):
        words = ["task=rte", f"method={method}", "data.limit=400", "train.epochs=1", "selection=last"]
        words += [f"train.batch_size={rows}", "train.eval_batch_size=8", f"results_dir={tmp_path / str(rows)}"]
        # Freed memory given back: what is kept of it comes on top.
        given_back = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "262144"}
        subprocess.run([sys.executable, "-m", "lopa_bench", *words], check=True, capture_output=True, env=given_back)
        (result,) = (tmp_path / str(rows)).rglob("result.json")
        measured.append(json.loads(result.read_text())["peak_memory_mib"] * MIB)
        config = load_config(words)
        texts = [example.input for example in config.task.examples(records("rte")["train"][:400])]
        longest = max(map(len, cloze_ids(model.backbone.tokenizer, texts, config.train.max_length)))
        estimated.append(estimate(config, longest).peak)
    assert estimated[0] - estimated[1] == pytest.approx(measured[0] - measured[1], rel=0.3)


@pytest.mark.parametrize(("task", "model"), [("rte", "mini:mini-mlm"), ("e2e", "mini:mini-clm")])
def test_the_longest_row_is_the_one_that_is_trained_on(task, model):
    """Against every row as a run encodes it; a training set cut short has another longest row."""
    lengths = []
    for limit in (40, 400):
        config = load_config([f"task={task}", "method=none", f"data.train_limit={limit}"])
        adapted = tiny.adapt(model, "none")
        examples = examples_of(config, read_records(config), adapted.backbone.kind)["train"]
        lengths.append(max(len(row.ids) for row in encode(adapted, config, examples, training=True).rows))
        assert longest_row(config) == lengths[-1]
    assert lengths[0] < lengths[1] < config.text_length


def test_rows_that_are_not_here_have_no_length():
    for words in (["scale=paper", "task=rte"], ["model=local", "model.path=owner/name", "task=rte"]):
        assert longest_row(load_config([*words, "offline=false"])) is None


def test_known_sizes():
    """RoBERTa-large and Llama 3 8B, by the closed forms of full fine-tuning and of frozen weights in bf16."""
    rte = ["scale=paper", "task=rte", "offline=false"]
    fft = estimate(load_config([*rte, "method=fft"]))
    assert fft.weights == fft.loading == 4 * 355_412_057
    assert fft.training == (4 + 8 + 4) * 355_412_057
    lora = estimate(load_config([*rte, "method=lora"]))
    assert lora.training == 16 * 2_359_296
    assert estimate(load_config([*rte, "method=none"])).activations == 0
    llama = estimate(load_config(["scale=paper", "task=cruxeval_o", "model=llama_3_8b", "method=pt"]))
    assert llama.weights == pytest.approx(2 * 8_030_261_248, rel=1e-3)
    assert llama.loading == 4 * 8_030_261_248
    mini = estimate(load_config(["task=rte", "method=fft", "selection=last"]))  # trained in fp32, kept in fp16
    assert (mini.weights, mini.training) == (4 * 1_132_288, 12 * 1_132_288)


def test_an_encoder_of_its_own_is_counted():
    words = ["scale=paper", "task=cruxeval_o", "method=lopa", "method.rank=1"]
    codebert, codesage = (estimate(load_config([*words, f"encoder={name}"])) for name in ("codebert", "codesage_small"))
    body = sum(p.numel() for p in on_meta("codebert").body.parameters())
    assert parameters(files("codebert")) == body
    assert parameters(files("codesage_small")) == pytest.approx(130e6, rel=0.05)
    phi = 2_779_683_840
    assert codebert.weights >= 4 * (phi + body)
    assert codesage.weights > codebert.weights
    trained = [10 * 2560 + 2 * (e * e + e) + (e + 1) * (10 + 2560) for e in (768, 1024)]
    assert [memory.training for memory in (codebert, codesage)] == [16 * count for count in trained]


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
@pytest.mark.parametrize("beams", [1, 3])
def test_what_is_written_is_held(beams, architecture, tiny_models):
    """Against the cache that `generate` leaves, of rows that write to the end; llama has fewer heads of keys than of queries."""
    rows, inputs, new = 6, 10, 30
    words = ["generation.decoding=beam", f"generation.num_beams={beams}", f"generation.max_new_tokens={new}"]
    config = tiny.settings(tiny_models(architecture), "none", "task=e2e", f"train.eval_batch_size={rows}", *words)
    backbone = tiny.adapt(tiny_models(architecture), "none").backbone
    written = backbone.model.generate(
        inputs_embeds=torch.zeros(rows, inputs, backbone.width),
        attention_mask=torch.ones(rows, inputs, dtype=torch.long),
        max_new_tokens=new,
        min_new_tokens=new,
        num_beams=beams,
        pad_token_id=0,
        return_dict_in_generate=True,
    )
    kept = sum(layer.keys.nbytes + layer.values.nbytes for layer in written.past_key_values.layers)
    shared = 1 - (beams - 1) * inputs / (beams * (inputs + new))  # of a row's beams' inputs one is held
    logits = rows * beams * backbone.vocabulary * 3 * 4
    estimated = written_bytes(config, backbone.files, backbone.vocabulary, inputs, 4)
    assert estimated - logits == pytest.approx(kept * shared, rel=0.03)
    assert written_bytes(tiny.settings(tiny_models(architecture), "none"), backbone.files, 500, inputs, 4) == 0


@pytest.mark.parametrize("method", ["spt", "lpt", "idpg_phm"])
def test_methods_of_other_products(method):
    """Not `torch.matmul` alone multiplies in bf16."""
    assert estimate(load_config(["task=rte", f"method={method}", "precision=bf16"]), 33).activations > 0


def test_gradients_that_several_batches_add_to_stay():
    once, four = (estimate(load_config(["task=rte", "method=fft", f"train.accumulate={n}"]), 33) for n in (1, 4))
    assert four.on_cpu() == once.on_cpu()
    assert four.gradients == 0 < once.gradients


def test_peak():
    assert Memory(100, 10, 20, 30).on_cpu(0) == 100
    assert Memory(10, 100, 0, 0).on_cpu(0) == 130
    assert Memory(10, 50, 20, 20, logits=10).on_cpu(7) == 137
    assert Memory(10, 50, 20, 20, logits=10, writing=130).on_cpu(0) == 260
    assert Memory(100, 10, 20, 30).on_gpu() == 100
    assert Memory(10, 50, 20, 25, logits=10, gradients=5).on_gpu() == 110  # of 65 that stay and 35
    assert Memory(10, 50, 60, 10, gradients=40).on_gpu() == 121  # at the end of the backward pass


def test_what_a_gpu_took():
    """The peak of a whole run in RoBERTa-large's shape, rows of up to 256 tokens, that PyTorch counted on one (docs/speed.md)."""
    found = estimate(
        load_config(["task=rte", "method=fft", "scale=paper", "model=roberta_large", "selection=last"]), 256
    )
    assert found.on_gpu() / MIB == pytest.approx(15_835, rel=0.1)
