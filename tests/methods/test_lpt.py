"""Late prompt tuning: where its prompt stands, what it is written from, and that nothing below it knows of it."""

import sys
from pathlib import Path

import pytest
import tiny
import torch
from running import complaints
from torch.nn import functional as F

from lopa_bench.cli.main import main
from lopa_bench.config.compose import load_config
from lopa_bench.config.schema import Generation
from lopa_bench.errors import UserError
from lopa_bench.methods.lpt_model import pooled
from lopa_bench.models.batches import Row, Split
from lopa_bench.models.decoding import GenerationSpec

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from families import build, compare

GENERATORS = ["none", "naive", "pool_max", "pool_mean"]


def lpt(folder, generator="naive", layer=1):
    return tiny.adapt(folder, "lpt", f"method.generator={generator}", f"method.layer={layer}")


@pytest.mark.parametrize("architecture", tiny.MASKED + tiny.CAUSAL)
@torch.no_grad()
def test_above_no_layer_and_without_a_generator_it_is_prompt_tuning(architecture, tiny_models):
    late, plain = lpt(tiny_models(architecture), "none", 0), tiny.adapt(tiny_models(architecture), "pt")
    plain.parts.z_s.copy_(late.parts.p)
    batch = tiny.batch(plain, tiny.rows(plain))
    torch.testing.assert_close(late(batch), plain(batch), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_equal_to_the_upper_layers_run_by_hand(tiny_models):
    """[P ; H_1] through RoBERTa's second layer and head, H_1 transformers' own hidden state."""
    model = lpt(tiny_models("roberta"))
    (row,) = tiny.rows(model, lengths=(9,))
    batch = tiny.batch(model, [row])
    lm = model.backbone.model
    states = lm.roberta(batch.input_ids, output_hidden_states=True).hidden_states[1]
    prompt = model.parts.up(torch.relu(model.parts.down(states[:, 0]))).view(1, 4, 32)
    out = lm.roberta.encoder.layer[1](torch.cat([prompt, states], dim=1))
    out = out[0] if isinstance(out, tuple) else out
    torch.testing.assert_close(model(batch), lm.lm_head(out[0, [4 + row.columns[0]]]), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("generator", GENERATORS)
@pytest.mark.parametrize("architecture", ["roberta", "llama"])
@torch.no_grad()
def test_padding_changes_nothing(architecture, generator, tiny_models):
    model = tiny.perturbed(lpt(tiny_models(architecture), generator))
    rows = tiny.rows(model)
    together = model(tiny.batch(model, rows))
    alone = torch.cat([model(tiny.batch(model, [row])) for row in rows])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("architecture", ["roberta", "gpt2"])
def test_no_gradient_below_its_layer(architecture, tiny_models):
    model = lpt(tiny_models(architecture), layer=1)
    made = []
    layers = next(m for m in model.backbone.body.modules() if isinstance(m, torch.nn.ModuleList) and len(m) == 2)
    for layer in layers:
        layer.register_forward_hook(lambda layer, args, out: made.append(out[0] if isinstance(out, tuple) else out))
    model(tiny.batch(model, tiny.rows(model))).sum().backward()
    assert [each.requires_grad for each in made] == [False, True]


@pytest.mark.parametrize("count", [1, 3, 4, 5, 9])
def test_pooling_is_torchs(count):
    values = torch.randn(2, 12, 6, generator=torch.Generator().manual_seed(0))
    chosen = torch.zeros(2, 12, dtype=torch.bool)
    chosen[:, 2 : 2 + count] = True
    row = values[:, 2 : 2 + count].mT
    torch.testing.assert_close(pooled(values, chosen, 4, False), F.adaptive_avg_pool1d(row, 4).mT)
    torch.testing.assert_close(pooled(values, chosen, 4, True), F.adaptive_max_pool1d(row, 4).mT)


@pytest.mark.parametrize("samples", [1, 2])  # several read the input apart from its last token
@pytest.mark.parametrize("words", ["lpt method.layer=1", "lpt method.layer=1 method.generator=pool_mean", "spt"])
@pytest.mark.parametrize("architecture", tiny.CAUSAL)
@torch.no_grad()
def test_what_is_written_is_the_argmax_of_its_own_logits(architecture, words, samples, tiny_models):
    """A prompt written once from the input alone: token by token equal to passes without a cache over input and text so far."""
    model = tiny.perturbed(tiny.adapt(tiny_models(architecture), *words.split()))
    ids = [[11, 40, 23, 57, 31], [77, 12, 95]]
    split = Split([Row(each, (), ()) for each in ids], model.backbone.tokenizer.pad_token_id, side="left")
    settings = Generation(decoding="greedy", max_new_tokens=4, temperature=1.0, top_p=1.0, num_samples=samples, num_beams=1,
                          length_penalty=1.0, count_prompt=False, select_rows=None)  # fmt: skip
    new = model.generate(split.batch([0, 1]), GenerationSpec(settings, (), 4, 0)).unflatten(0, (2, samples))
    end = model.backbone.tokenizer.eos_token_id
    for own, written in zip(ids, new.tolist(), strict=True):
        for text in written:
            text = text[: text.index(end) + 1] if end in text else text
            whole = [*own, *text]
            columns = list(range(len(own) - 1, len(whole) - 1))
            batch = tiny.batch(model, [Row(whole[:-1], columns, text)])
            assert model(batch).argmax(-1).tolist() == text


@pytest.mark.parametrize("words", ["lpt method.layer=1", "spt"])
@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
@torch.no_grad()
def test_beams_of_a_row_are_its_own(architecture, words, tiny_models):
    model = tiny.perturbed(tiny.adapt(tiny_models(architecture), *words.split()))
    split = Split([Row(each, (), ()) for each in ([11, 40, 23, 57, 31], [77, 12, 95])], 0, side="left")
    settings = Generation(decoding="beam", max_new_tokens=4, temperature=1.0, top_p=1.0, num_samples=1, num_beams=3,
                          length_penalty=1.0, count_prompt=False, select_rows=None)  # fmt: skip
    spec = GenerationSpec(settings, (), 4, 0)
    together = model.generate(split.batch([0, 1]), spec)
    for number, row in enumerate(together):
        (alone,) = model.generate(split.batch([number]), spec)
        assert row[: len(alone)].tolist() == alone.tolist()


@torch.no_grad()
def test_a_prompt_above_no_layer_stands_right_before_a_row_that_is_padded_on_the_left(tiny_models):
    """Where layers see a window, padding between them would put the prompt out of sight."""
    late = lpt(tiny_models("gpt2"), "none", 0)
    split = Split([Row(each, (), ()) for each in ([11, 40, 23, 57, 31], [77, 12])], 0, side="left")
    batch = split.batch([0, 1])
    embeds, mask = late.inputs(batch)
    assert mask.tolist() == [[1] * 9, [0, 0, 0, *[1] * 6]]
    torch.testing.assert_close(embeds[1, 3:7], late.parts.p)
    torch.testing.assert_close(embeds[1, 7:], late.backbone.embed(batch.input_ids)[1, 3:])


@pytest.mark.parametrize("family", ["mpnet", "modernbert"])
def test_families_that_see_how_far_away_a_prompt_is_are_refused(family):
    """It stands behind the padding of the batch's longest row, which is none of a row's business."""
    backbone = compare.backbone_of("masked", family, build.build("masked", family))
    method = load_config(["method=lpt", "method.layer=1"]).method
    with pytest.raises(UserError, match=r"method=lpt: .* sees how far away a prompt is, .*; nearest: method=pt"):
        method.adapt(backbone)
    roberta = compare.backbone_of("masked", "roberta", build.build("masked", "roberta"))
    assert method.adapt(roberta).reads_padding


def test_what_is_computed_again_is_given_the_same_prompts(tiny_models):
    """Some versions of transformers checkpoint a layer together with its hooks, which the backward pass then runs again."""
    model = lpt(tiny_models("roberta"))
    contexts = []
    layer = next(m for m in model.backbone.body.modules() if isinstance(m, torch.nn.ModuleList) and len(m) == 2)[1]
    layer.register_forward_pre_hook(lambda *_: contexts.append(model.backbone.recomputing()))
    written = []
    model.written = lambda *args, inner=model.written: written.append(1) or inner(*args)
    model(tiny.batch(model, tiny.rows(model)))
    assert (len(written), model._write) == (1, None)
    with contexts[0]:
        assert model._write is not None
    assert model._write is None


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            ["method.layer=2"],
            "method.layer=2: the model has 2 layers, so none would see the prompt; nearest: method.layer=1",
        ),
        (["method.generator=poll_max"], "nearest: method.generator=pool_max"),
        (["train.compile=true"], "train.compile=true: "),
    ],
)
def test_bad_settings_are_one_line(more, message, tiny_models, capsys):
    words = [
        "task=rte",
        "method=lpt",
        "data.limit=4",
        "model=local",
        f"model.path={tiny_models('roberta')}",
        "train.max_length=64",
    ]
    assert main([*words, "scale=mini", *more]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(complaints(error)) == 1
