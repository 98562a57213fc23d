"""The training loop against one written out, and what it keeps."""

from unittest.mock import MagicMock

import pytest
import tiny
import torch
from torch import nn

from lopa_bench.config.schema import Train
from lopa_bench.host.processes import Processes
from lopa_bench.metrics.classification import accuracy
from lopa_bench.models.batches import Split
from lopa_bench.run.checkpoint import Checkpoints
from lopa_bench.run.gradients import clip_gradients
from lopa_bench.run.losses import LossLog
from lopa_bench.run.progress import Progress
from lopa_bench.run.train import Training, train

SETTINGS = {
    "epochs": 2,
    "batch_size": 8,
    "eval_batch_size": 8,
    "lr": 1e-2,
    "weight_decay": 0.1,
    "warmup": 0.35,
    "schedule": "linear",
    "max_length": 40,
    "clip": 0.05,
    "accumulate": 2,
    "bucket": False,
}


def prepared(folder, method="pt", *words):
    model = tiny.adapt(folder, method, *words)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return model, Split(tiny.rows(model, [5 + (7 * i) % 11 for i in range(52)]), model.backbone.tokenizer.pad_token_id)


@pytest.mark.parametrize(("schedule", "clip"), [("linear", 0.05), ("constant", None)])
def test_training_is_a_plain_loop(tiny_models, tmp_path, schedule, clip):
    """AdamW with decay apart, gradients clipped to the norm told, the rate warmed up and brought to nought over the steps there are."""
    settings = Train(**{**SETTINGS, "schedule": schedule, "clip": clip})
    model, split = prepared(tiny_models("roberta"))
    progress = train(model, split, settings, 3, None, accuracy(), Checkpoints(tmp_path, 1e9), MagicMock(), Processes())
    other, _ = prepared(tiny_models("roberta"))
    parameters = list(other.trainable().values())
    optimizer = torch.optim.AdamW(parameters, lr=1.0, weight_decay=0.1)
    steps, warm, told = 8, 3, []  # 7 batches, two a step, twice; round(0.35 · 8)
    for epoch in range(2):
        batches = split.shuffled(8, 3, epoch, False)
        for start in range(0, 7, 2):
            step = len(told)
            after = (steps - step) / (steps - warm) if schedule == "linear" else 1
            rate = 1e-2 * ((step + 1) / (warm + 1) if step < warm else after)
            optimizer.param_groups[0]["lr"] = rate
            optimizer.zero_grad()
            loss = other.loss(split.batch([i for batch in batches[start : start + 2] for i in batch]))
            loss.backward()
            if clip:
                torch.nn.utils.clip_grad_norm_(parameters, clip)
            optimizer.step()
            told.append((step + 1, epoch + 1, loss.item(), rate))
    history = [tuple(row[key] for key in ("step", "epoch", "loss", "lr")) for row in progress.history]
    assert history == [pytest.approx(row, rel=1e-4) for row in told]
    for mine, theirs in zip(model.trainable().values(), parameters, strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-4)
    assert progress.examples == 2 * 52


def test_the_encoder_is_trained_at_its_own_rate(tiny_models, tmp_path):
    model, split = prepared(tiny_models("roberta"), "lopa", "method.freeze_encoder=false")
    settings = Train(**{**SETTINGS, "encoder_lr": 1e-4, "warmup": 0.0})
    training = Training(model, split, settings, 0, Checkpoints(tmp_path, 1e9), Processes())
    rates = {id(p): group["lr"] for group in training.optimizer.param_groups for p in group["params"]}
    assert {rates[id(p)] for name, p in model.trainable().items() if name.startswith("encoder.")} == {1e-4}
    assert {rates[id(p)] for name, p in model.trainable().items() if not name.startswith("encoder.")} == {1e-2}


def test_the_parameters_kept_are_those_of_the_best_epoch_and_steps_are_taken_in_training_mode(tiny_models, tmp_path):
    model, split = prepared(tiny_models("roberta"))
    seen, modes, scores, loss = [], [], iter([0.5, 0.9, 0.1]), model.loss
    model.loss = lambda batch: modes.append(model.training) or loss(batch)

    def evaluate():
        model.eval()
        seen.append({name: p.detach().clone() for name, p in model.trainable().items()})
        return {"accuracy": next(scores)}

    settings = Train(**{**SETTINGS, "epochs": 3})
    progress = train(
        model, split, settings, 0, evaluate, accuracy(), Checkpoints(tmp_path, 1e9), MagicMock(), Processes()
    )
    assert progress.best_epoch == 2
    for name, parameter in model.trainable().items():
        assert torch.equal(parameter, seen[1][name])
        assert not torch.equal(parameter, seen[2][name])
    assert modes
    assert all(modes)


def test_gradients_are_clipped_to_the_norm_told_and_the_one_before_is():
    for clip, left in ((1.0, 1.0), (7.0, 5.0), (None, 5.0)):
        parameter = nn.Parameter(torch.zeros(2))
        parameter.grad = torch.tensor([3.0, 4.0])
        assert clip_gradients([parameter], clip).item() == pytest.approx(5.0)
        assert parameter.grad.norm().item() == pytest.approx(left, rel=1e-4)


def test_a_row_of_the_history_is_the_mean_of_its_steps_at_the_last_ones_rate():
    progress = Progress()
    log = LossLog(progress, 3, Processes())
    for step, loss in enumerate((1.0, 2.0, 6.0)):
        progress.step = step
        log.add(torch.tensor(loss), torch.tensor(1.0), 0.1 * (step + 1))
    (row,) = progress.history
    assert row == {"step": 3, "epoch": 1, "loss": 3.0, "lr": pytest.approx(0.3)}
    assert log.last == 6.0


def test_further_evaluations_draw_the_curve_and_change_nothing_else(tiny_models, tmp_path):
    """Seven batches, four steps an epoch: after the second of each, too, and the one at the end selects."""
    modes = []

    def trained(folder, evaluations):
        model, split = prepared(tiny_models("roberta"))
        loss, model.loss = model.loss, lambda batch: modes.append(model.training) or loss(batch)
        scores = iter(range(1, 9))  # later is better

        def evaluate():
            model.eval()
            return {"accuracy": float(next(scores))}

        settings = Train(**{**SETTINGS, "evaluations": evaluations})
        told = settings, 0, evaluate, accuracy(), Checkpoints(tmp_path / folder, 1e9), MagicMock(), Processes()
        return model, train(model, split, *told)

    (usual, once), (model, often), (_, oftener) = trained("a", 1), trained("b", 2), trained("c", 40)
    assert modes
    assert all(modes)
    assert [row["step"] for row in once.history if "accuracy" in row] == [4, 8]
    assert [row["step"] for row in often.history if "accuracy" in row] == [2, 4, 6, 8]
    assert [row["step"] for row in oftener.history if "accuracy" in row] == list(range(1, 9))
    assert (often.best_epoch, often.best_scores) == (2, {"accuracy": 4.0})
    losses = [[{k: v for k, v in row.items() if k != "accuracy"} for row in each.history] for each in (once, often)]
    assert losses[0] == losses[1]
    for mine, theirs in zip(model.trainable().values(), usual.trainable().values(), strict=True):
        assert torch.equal(mine, theirs)
