"""Speed never buys another result: the losses of 50 steps are those of the plain way of doing the same work, to 1e-4 in fp32."""

from types import MethodType
from unittest.mock import MagicMock

import pytest
import tiny
import torch
from torch import nn

from lopa_bench.config.compose import load_config
from lopa_bench.config.schema import Train
from lopa_bench.errors import UserError
from lopa_bench.host.processes import Processes
from lopa_bench.methods import adapted
from lopa_bench.metrics.classification import accuracy
from lopa_bench.models.batches import Split, pad
from lopa_bench.run.checkpoint import Checkpoints
from lopa_bench.run.identity import determining
from lopa_bench.run.preflight import preflight
from lopa_bench.run.speed import speed_up
from lopa_bench.run.train import train

STEPS, ROWS, TOLERANCE = 50, 80, 1e-4
LENGTHS = [5 + (7 * i) % 19 for i in range(ROWS)]
PLAIN = {
    "epochs": 5,
    "batch_size": 8,
    "eval_batch_size": 8,
    "lr": 1e-3,
    "weight_decay": 0.01,
    "warmup": 0.1,
    "schedule": "linear",
    "max_length": 40,
    "clip": 1.0,
    "accumulate": 1,
    "bucket": True,
}
MODELS = [
    ("roberta", "lopa"),
    pytest.param(("gpt2", "lopa"), marks=pytest.mark.slow),
    pytest.param(("roberta", "lora"), marks=pytest.mark.slow),
    ("llama", "fft"),
]


@pytest.fixture(params=MODELS, ids="-".join)
def make(request, tiny_models):
    """A new model and its rows, the same at every call, with dropout everywhere: what is drawn is the same however a step is done."""
    architecture, method = request.param

    def build():
        model = tiny.adapt(tiny_models(architecture), method)
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.1
        split = Split(tiny.rows(model, LENGTHS), model.backbone.tokenizer.pad_token_id)
        if model.encoder is not None and model.encoder.frozen:
            split.features = model.encoder.features([row.encoder_ids for row in split.rows])
        return model, split

    return build


@pytest.fixture
def usual(request, make, tmp_path):
    """The losses of the model as it is trained here, once for the tests that compare them with another way."""
    name = request.node.callspec.params["make"]
    if name not in USUAL:
        USUAL[name] = losses(*make(), tmp_path)
    return USUAL[name]


USUAL: dict[tuple[str, str], list[float]] = {}


def losses(model, split, folder, **changed):
    """Of every step of the real training loop."""
    settings = Train(**{**PLAIN, **changed})
    torch.manual_seed(1)
    speed_up(model, settings, Processes())
    progress = train(model, split, settings, 0, None, accuracy(), Checkpoints(folder, 1e9), MagicMock(), Processes())
    values = [row["loss"] for row in progress.history]
    assert len(values) == STEPS
    assert len(set(values)) > STEPS / 2  # it does train
    return values


def agree(fast, plain):
    return fast == pytest.approx(plain, abs=TOLERANCE)


def test_dynamic_padding(make, usual, tmp_path):
    class Padded(Split):
        """Every batch as long as the longest row, in the same order."""

        def batch(self, index, beside=()):
            batch = super().batch(index, beside)
            ids = [self.rows[i].ids for i in index]
            batch.input_ids, batch.attention_mask = pad([*ids, [0] * max(LENGTHS)], self.pad_id)
            batch.input_ids, batch.attention_mask = batch.input_ids[:-1], batch.attention_mask[:-1]
            return batch

    model, split = make()
    split.__class__ = Padded
    assert agree(usual, losses(model, split, tmp_path))


def test_logits_where_they_are_scored(make, usual, tmp_path):
    def everywhere(self, batch):
        logits = self.backbone.head(self.hidden(batch)).float()[batch.rows, self.columns(batch)]
        return nn.functional.cross_entropy(logits, batch.targets)

    model, split = make()
    model.loss = MethodType(everywhere, model)
    assert agree(usual, losses(model, split, tmp_path))


def test_a_few_logits_at_a_time(make, usual, tmp_path, monkeypatch):
    """And that they are no more: a part of three positions has gradients before the next one's logits are made."""
    model, split = make()
    monkeypatch.setattr(adapted, "LOGITS_HELD", 3 * model.backbone.vocabulary)
    held = []
    logits = model.logits
    model.logits = lambda states: held.append(len(states)) or logits(states)
    assert agree(losses(model, split, tmp_path), usual)
    assert max(held) == 3


def test_fused_optimiser(make, usual, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.optim, "AdamW", unfused(torch.optim.AdamW))
    assert agree(usual, losses(*make(), tmp_path))


def unfused(optimizer):
    return lambda *args, fused, **kwargs: optimizer(*args, foreach=False, **kwargs)


def test_accumulated_batches_are_one_batch(make, tmp_path):
    """Of a causal model too, whose rows have different numbers of scored positions."""
    model, split = make()
    if model.backbone.kind == "causal":
        split.rows = [row if i % 3 else shortened(row) for i, row in enumerate(split.rows)]
    fast = losses(model, split, tmp_path, batch_size=2, accumulate=4, bucket=False)
    model, other = make()
    other.rows = split.rows
    assert agree(fast, losses(model, other, tmp_path, bucket=False))


def shortened(row):
    return tiny.replace(row, columns=row.columns[:1], targets=row.targets[:1])


def test_recomputed_layers(make, usual, tmp_path):
    assert agree(losses(*make(), tmp_path, gradient_checkpointing=True), usual)


@pytest.mark.slow
def test_compiled_steps(make, usual, tmp_path):
    torch._dynamo.reset()
    fast = losses(*make(), tmp_path, compile=True)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0
    assert not torch._dynamo.utils.counters[
        "graph_break"
    ]  # each leaves a part of the body as it is, and some end in an error
    assert agree(fast, usual)


@pytest.mark.parametrize("architecture", ["roberta", "gpt2"])
def test_stored_features(architecture, tiny_models, tmp_path):
    """Against an encoder that reads the batch at every step, without the dropout of the backbone that it shares its body with."""

    def run(stored):
        model = tiny.adapt(tiny_models(architecture), "lopa")
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        split = Split(tiny.rows(model, LENGTHS), model.backbone.tokenizer.pad_token_id)
        if stored:
            split.features = model.encoder.features([row.encoder_ids for row in split.rows])
        return losses(model, split, tmp_path)

    assert agree(run(stored=True), run(stored=False))


def test_a_trained_encoder_is_recomputed_too(tiny_models, tmp_path):
    def run(**changed):
        model = tiny.adapt(tiny_models("roberta"), "lopa", "method.freeze_encoder=false")
        split = Split(tiny.rows(model, LENGTHS), model.backbone.tokenizer.pad_token_id)
        values = losses(model, split, tmp_path, **changed)
        layers = [module for module in model.encoder.modules() if hasattr(module, "gradient_checkpointing")]
        return values, any(module.gradient_checkpointing for module in layers)

    (fast, recomputed), (plain, _) = run(gradient_checkpointing=True), run()
    assert recomputed
    assert agree(fast, plain)


def test_what_changes_rounding_only_is_not_part_of_a_run(overrides):
    from lopa_bench.tasks.rows import load_records

    def identity(*more):
        config = load_config([*overrides, *more])
        return determining(config, load_records(config.task, config.data, config.offline))

    assert identity() == identity("train.compile=true", "train.gradient_checkpointing=true")
    assert identity() != identity("train.accumulate=2")


def test_a_prefix_cannot_be_recomputed(overrides):
    overrides = [o for o in overrides if "head_size" not in o]
    with pytest.raises(UserError, match=r"gradient_checkpointing=true: method=p_tuning_v2 .* nearest"):
        preflight(load_config([*overrides, "method=p_tuning_v2", "train.gradient_checkpointing=true"]))


def test_compiling_needs_a_compiler(overrides, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(UserError, match=r"compile=true: .* compiler"):
        preflight(load_config([*overrides, "train.compile=true"]))
