"""What every method in conf/method keeps to, on every architecture. A new YAML is tested without being named here."""

from dataclasses import replace

import pytest
import tiny
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

from lopa_bench.config.files import choices
from lopa_bench.errors import UserError
from lopa_bench.methods.base import SoftPromptMethod
from lopa_bench.methods.prefix import PrefixMethod
from lopa_bench.models.backbone import Backbone
from lopa_bench.models.batches import pad

METHODS = choices("method")
TRAINED_ENCODER = ("lopa", "method.freeze_encoder=false")
# One method of each kind on every architecture, every method on one masked and one causal model; the other pairs are slow.
KINDS = {
    "none",
    "fft",
    "lora",
    "adapter",
    "pt",
    "lopa",
    "dept",
    "prefix_tuning",
    "lpt",
    "spt",
    "encoder_probe",
    "idpg_layers",
}
CASES = [
    pytest.param(
        architecture,
        (method,),
        id=f"{architecture}-{method}",
        marks=[] if architecture in {"roberta", "gpt2"} or method in KINDS else pytest.mark.slow,
    )
    for architecture in tiny.MASKED + tiny.CAUSAL
    for method in METHODS
] + [pytest.param("roberta", TRAINED_ENCODER, id="roberta-lopa-encoder-trained")]
every_case = pytest.mark.parametrize(("architecture", "method"), CASES)


@pytest.fixture
def model(architecture, method, tiny_models):
    return tiny.adapt(tiny_models(architecture), *method)


def train(model, batch, steps):
    optimizer = torch.optim.AdamW(model.parameter_groups(0.03), weight_decay=0.0)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(model(batch), batch.targets).backward()
        optimizer.step()


@every_case
def test_shapes(model):
    batch = tiny.batch(model, tiny.rows(model))
    logits = model(batch)
    assert logits.shape == (len(batch.targets), model.backbone.config.vocab_size)
    assert logits.dtype == torch.float32
    embeds, mask = model.inputs(batch)
    settings = getattr(model, "method", None)
    added = settings.prompt_length if settings else 0
    assert mask.shape == (4, added + batch.input_ids.shape[1])
    if isinstance(settings, SoftPromptMethod):
        assert model.prompt(batch).shape == (4, added, model.backbone.width)
        assert embeds.shape[1] == mask.shape[1]


@pytest.mark.parametrize(
    "shape", [lambda z: z[:, :-1], lambda z: z.repeat(1, 2, 1), lambda z: z[:1], lambda z: z[0], lambda z: None]
)
def test_a_prompt_of_another_shape_is_refused(tiny_models, monkeypatch, shape):
    """A method of somebody's own that writes more or fewer tokens than it says would have a number of another method."""
    model = tiny.adapt(tiny_models("roberta"), "lopa")
    batch, write = tiny.batch(model, tiny.rows(model)), model.method.prompt
    monkeypatch.setattr(type(model.method), "prompt", lambda self, *given: shape(write(*given)))
    with pytest.raises(UserError, match=r"method=lopa: its prompt\(\) gives .*, and \[4, \d+, 32\] is wanted"):
        model(batch)


@pytest.mark.parametrize(
    ("part", "named"),
    [
        (lambda: torch.nn.BatchNorm1d(4), "other.running_mean"),
        (lambda: torch.nn.Linear(4, 4).requires_grad_(False), "other.weight"),
    ],
)
def test_a_part_whose_numbers_are_not_kept_is_refused(tiny_models, monkeypatch, part, named):
    """A run's file has what is trained; anything else would be that of a new model when it answers again."""
    model = tiny.adapt(tiny_models("roberta"), "pt")
    given = type(model.method).parts
    monkeypatch.setattr(type(model.method), "parts", lambda self, shape: {**given(self, shape), "other": part()})
    with pytest.raises(UserError, match=f"method=pt: its part {named} is not trained"):
        tiny.adapt(tiny_models("roberta"), "pt")


@every_case
def test_trains_what_it_says_and_nothing_else(model):
    if not model.trainable():
        pytest.skip("nothing is trained")
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    batch = tiny.batch(model, tiny.rows(model))
    train(model, batch, steps=3)
    trained = model.trainable()
    for name, parameter in model.named_parameters():
        assert (parameter.grad is not None) == (name in trained), name
        if name in trained:
            assert parameter.grad.isfinite().all(), name
            assert not torch.equal(parameter, before[name]), name
        else:
            assert torch.equal(parameter, before[name]), name
    grouped = [p for group in model.parameter_groups(1.0) for p in group["params"]]
    assert {id(p) for p in grouped} == {id(p) for p in trained.values()}
    assert len(grouped) == len(trained)


@every_case
def test_a_trained_encoder_has_a_rate_of_its_own(model):
    groups = model.parameter_groups(1.0, encoder_lr=0.25)
    assert groups[0]["lr"] == 1.0
    of_encoder = {id(p) for group in groups if group["lr"] == 0.25 for p in group["params"]}
    assert of_encoder == {id(p) for name, p in model.trainable().items() if name.startswith("encoder.")}
    assert bool(of_encoder) == (model.encoder is not None and not model.encoder.frozen)
    assert {id(p) for p in model.trainable().values()} == {id(p) for group in groups for p in group["params"]}


@every_case
def test_eight_examples_can_be_overfitted(model):
    if not model.trainable():
        pytest.skip("nothing is trained")
    model.end_search()  # in a search some rows teach no weights
    rows = tiny.rows(model, lengths=(6, 7, 8, 9) * 2)
    words = torch.tensor(getattr(model, "tokens", [17, 18]))  # a probe tells the label words apart and no others
    batch = tiny.batch(
        model, [replace(row, columns=row.columns[-1:], targets=[17 + i % 2]) for i, row in enumerate(rows)]
    )
    optimizer = torch.optim.AdamW(model.parameter_groups(0.02), weight_decay=0.0)
    losses = []
    while not losses or losses[-1] > 0.5 * losses[0]:
        assert len(losses) < 400, f"the loss only falls from {losses[0]} to {losses[-1]}"
        loss = F.cross_entropy(model(batch)[:, words], batch.targets - 17)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())


def moved(batch, pad_id, side="right", extra=0):
    """The batch with its rows padded on `side` and by `extra` more tokens."""
    lengths = batch.attention_mask.sum(1).tolist()
    rows = [ids[:n].tolist() for ids, n in zip(batch.input_ids, lengths, strict=True)]
    ids, mask = pad([*rows, [0] * (max(lengths) + extra)], pad_id, side)
    shift = torch.tensor([ids.shape[1] - n for n in lengths]) if side == "left" else torch.zeros(len(rows), dtype=int)
    return replace(batch, input_ids=ids[:-1], attention_mask=mask[:-1], columns=batch.columns + shift[batch.rows])


@every_case
@torch.no_grad()
def test_padding_and_neighbours_change_nothing(model):
    model, pad_id = tiny.perturbed(model), model.backbone.tokenizer.pad_token_id
    rows = tiny.rows(model)
    batch = tiny.batch(model, rows)
    logits = model(batch)
    for side, extra in (("left", 0), ("left", 3), ("right", 3)):
        torch.testing.assert_close(model(moved(batch, pad_id, side, extra)), logits, atol=1e-5, rtol=1e-5)
    alone = torch.cat([model(tiny.batch(model, [row])) for row in rows])
    torch.testing.assert_close(alone, logits, atol=1e-5, rtol=1e-5)


@every_case
@torch.no_grad()
def test_bf16_is_close(model, architecture, method, tiny_models):
    if method[0] == "fft":
        pytest.skip("weights stay in fp32; autocast is torch's")
    half = tiny.adapt(tiny_models(architecture), *method, precision="bf16")
    half.load_trainable({name: p.detach() for name, p in tiny.perturbed(model, 0.1).trainable().items()})
    batch = tiny.batch(model, tiny.rows(model))
    full, rounded = model(batch), half(batch)
    assert rounded.dtype == torch.float32
    assert (full - rounded).norm() < 0.05 * full.norm()
    assert all(p.dtype == torch.float32 for p in half.trainable().values())


def bare(model, batch):
    """The logits that transformers itself gives."""
    logits = model.backbone.model(input_ids=batch.input_ids, attention_mask=batch.attention_mask).logits
    return logits[batch.rows, batch.columns]


@pytest.mark.parametrize("architecture", tiny.MASKED + tiny.CAUSAL)
@pytest.mark.parametrize(
    "method",
    [
        ("none",),
        ("fft",),
        ("lora",),
        ("adapter",),
        *[(name, "method.num_virtual_tokens=0") for name in ("p_tuning_v2", "prefix_tuning")],
    ],
    ids=lambda m: m[0],
)
@torch.no_grad()
def test_without_an_effect_it_is_the_bare_backbone(model, architecture, method, tiny_models):
    batch = tiny.batch(model, tiny.rows(model))
    untouched = tiny.adapt(tiny_models(architecture), "none")
    torch.testing.assert_close(model(batch), bare(untouched, batch), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("architecture", tiny.MASKED + tiny.CAUSAL)
@torch.no_grad()
def test_dept_without_its_update_is_prompt_tuning(architecture, tiny_models):
    dept = tiny.adapt(tiny_models(architecture), "dept")
    plain = tiny.adapt(tiny_models(architecture), "pt")
    plain.parts.z_s.copy_(dept.parts.z_s)
    batch = tiny.batch(dept, tiny.rows(dept))
    assert not dept.parts.b.any()
    assert torch.equal(dept(batch), plain(batch))
    assert not torch.allclose(tiny.perturbed(dept)(batch), plain(batch), atol=1e-3)


def load_and_predict(cases, out):
    """In a process of its own: the logits of each case's model with the parameters saved under its name."""
    for folder, method in cases:
        model = tiny.adapt(folder, *method)
        name = f"{folder.name}-{'-'.join(method)}"
        model.load_trainable(load_file(out / f"{name}.trained"))
        with torch.no_grad():
            save_file({"logits": model(tiny.batch(model, tiny.rows(model)))}, out / f"{name}.logits")


def test_saved_and_loaded_in_a_new_process(tiny_models, forkserver, tmp_path):
    cases = [(a, (m,)) for a in ("roberta", "gpt2") for m in METHODS if a == "roberta" or m in KINDS] + [
        ("roberta", TRAINED_ENCODER)
    ]
    expected = {}
    for architecture, method in cases:
        model = tiny.perturbed(tiny.adapt(tiny_models(architecture), *method))
        name = f"{architecture}-{'-'.join(method)}"
        save_file({k: p.detach().contiguous() for k, p in model.trainable().items()}, tmp_path / f"{name}.trained")
        with torch.no_grad():
            expected[name] = model(tiny.batch(model, tiny.rows(model)))
    folders = [(tiny_models(architecture), method) for architecture, method in cases]
    process = forkserver.Process(target=load_and_predict, args=(folders, tmp_path))
    process.start()
    process.join()
    assert process.exitcode == 0
    for name, logits in expected.items():
        assert torch.equal(load_file(tmp_path / f"{name}.logits")["logits"], logits), name


def test_every_kind_is_among_the_quick_ones(tiny_models):
    """The methods that run on all architectures by default stand for all classes that put something into a backbone differently."""
    folder = tiny_models("roberta")
    kinds = {type(tiny.adapt(folder, name)) for name in KINDS}
    assert {type(tiny.adapt(folder, name)) for name in METHODS} <= kinds
    assert issubclass(type(tiny.settings(folder, "prefix_tuning").method), PrefixMethod)


@pytest.mark.parametrize("method", ["lora", "dora", "vera"])
def test_a_layer_to_adapt_that_there_is_not_is_refused_beside_those_that_there_are(tiny_models, method):
    """peft leaves it out without a word, and trains fewer parameters than were asked for."""

    def adapted(targets):
        config = tiny.settings(tiny_models("roberta"), method, f"model.lora_targets={targets}")
        return config.method.adapt(Backbone.load(config.model, "fp32", torch.device("cpu"), offline=True))

    with pytest.raises(UserError, match=r"the model has no layer valeu; nearest: value"):
        adapted("[query,valeu]")
    for none, says in (
        ("[foo]", "no layer foo"),
        ("['']", "no layer without a name"),
        ("[LayerNorm]", "no such layers"),
    ):
        with pytest.raises(UserError, match=rf"{says}; its linear layers are .*query"):
            adapted(none)
    assert adapted("[self.query,value]").trainable()
