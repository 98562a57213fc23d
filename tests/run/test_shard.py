"""A model divided among two processes gives the run of one; each process holds half of it."""

import contextlib
import csv
import json
import os
import subprocess
import sys

import pytest
import torch
from running import free_port
from safetensors.torch import load_file
from test_resume import stop_at
from test_story_generation import files  # noqa: F401
from torch.distributed.tensor import DTensor
from torch.optim.optimizer import register_optimizer_step_post_hook

from lopa_bench.cli.main import main
from lopa_bench.config.compose import load_config
from lopa_bench.errors import UserError
from lopa_bench.metrics import nlg
from lopa_bench.models.layers import layer_list
from lopa_bench.run.gradients import backward
from lopa_bench.run.preflight import preflight
from lopa_bench.run.story import run

SHARD = "train.shard=true"
FILE = "trained.safetensors"
STEPS = 14  # of the masked run


@pytest.fixture
def masked(rte_files, tiny_models):
    """A classifier's overrides."""
    model = tiny_models("roberta")
    data = ["task=rte", "scale=mini", "data.source=files", f"data.dir={rte_files}"]
    return [
        *data,
        "model=local",
        f"model.path={model}",
        "method=fft",
        "train.epochs=2",
        "train.batch_size=8",
        "train.lr=1e-3",
    ]


@pytest.fixture
def causal(files, tiny_models):  # noqa: F811
    """A writer's. After an epoch it writes one row, so that the other process has nothing to do."""
    data = [
        "task=e2e",
        "scale=mini",
        "data.source=files",
        f"data.dir={files}",
        "generation.max_new_tokens=6",
        "generation.select_rows=1",
    ]
    train = ["method=fft", "train.epochs=2", "train.batch_size=4", "train.eval_batch_size=1", "train.max_length=100"]
    return [*data, *train, "model=local", f"model.path={tiny_models('llama')}", "train.lr=1e-3", "train.clip=0.1"]


def without_java():
    nlg.missing = lambda: dict.fromkeys(("meteor", "rouge_l", "cider"), "needs a Java runtime")


def held(optimizer):
    """The fraction of the parameters and of each moment that this process has, by name."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    parts = {
        name: [optimizer.state[p][name] for p in parameters if p in optimizer.state]
        for name in ("exp_avg", "exp_avg_sq")
    }
    parts["parameters"] = parameters
    parts["gradients"] = [p.grad for p in parameters if p.grad is not None]
    return {name: here(tensors) for name, tensors in parts.items()}


def here(tensors):
    """The fraction of these shards that this process has."""
    assert all(isinstance(tensor, DTensor) for tensor in tensors)
    return sum(tensor.to_local().numel() for tensor in tensors) / sum(tensor.numel() for tensor in tensors)


def check_frozen(model, split, index, *rest):
    """Before a step: half of the backbone's layers is here, and of what is trained everything."""
    layers = layer_list(model.backbone.body, model.backbone.config.num_hidden_layers)
    assert 0.45 < here([p for p in layers.parameters() if not p.requires_grad]) < 0.55
    assert not any(isinstance(p, DTensor) for p in model.trainable().values())
    return backward(model, split, index, *rest)


def in_process(rank, port, jobs):
    """Run `jobs`, (overrides, step to be interrupted at or None), one after the other."""
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    without_java()

    def check(optimizer, *_):
        for name, fraction in held(optimizer).items():
            assert 0.45 < fraction < 0.55, name

    for overrides, stop in jobs:
        frozen = "method=fft" not in overrides
        hook = register_optimizer_step_post_hook(check) if SHARD in overrides and not frozen else None
        with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
            if SHARD in overrides and frozen:
                patch.setattr("lopa_bench.run.train.backward", check_frozen)
            if stop is not None:
                stack.enter_context(pytest.raises(KeyboardInterrupt))
                if rank == 0:
                    stop_at(patch, stop)
            run(load_config(overrides))
        if hook is not None:
            hook.remove()


def in_two(forkserver, *jobs):
    port = free_port()
    processes = [forkserver.Process(target=in_process, args=(rank, port, jobs)) for rank in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(300)
    assert [process.exitcode for process in processes] == [0, 0]


def results(folder):
    (path,) = folder.rglob("result.json")
    return json.loads(path.read_text()), path.parent


def assert_equal_runs(folder, alone, tolerance=1e-5):
    (ours, path), (theirs, other) = results(folder), results(alone)
    for key in ("digest", "metrics_per_split", "parameters", "selected_epoch", "steps"):
        assert ours[key] == theirs[key], key
    assert (path / "predictions.jsonl").read_text() == (other / "predictions.jsonl").read_text()
    assert ours["gradient_norm"] == pytest.approx(theirs["gradient_norm"], rel=1e-3)
    losses = [[float(row["loss"]) for row in csv.DictReader((p / "history.csv").open())] for p in (path, other)]
    assert losses[0] == pytest.approx(losses[1], abs=tolerance)
    trained, expected = (load_file(p / FILE) for p in (path, other))
    assert trained.keys() == expected.keys()
    for name, value in trained.items():
        if name.endswith("key.bias"):
            continue  # attention does not depend on it: AdamW takes steps in the direction of its gradient's rounding errors
        assert (value - expected[name]).abs().max() < tolerance, name
    assert sorted(p.name for p in path.iterdir()) == sorted(p.name for p in other.iterdir())


@pytest.mark.slow
def test_masked(masked, forkserver, tmp_path):
    """Whole and interrupted: what was interrupted with shards goes on with and without them, and the other way about."""
    alone, sharded, stopped, ended, left, begun = (
        tmp_path / name for name in "alone sharded stopped ended left begun".split()
    )
    run(load_config([*masked, f"results_dir={alone}"]))
    with pytest.MonkeyPatch.context() as patch:
        stop_at(patch, 9)
        with pytest.raises(KeyboardInterrupt):
            run(load_config([*masked, f"results_dir={begun}"]))
    in_two(
        forkserver,
        ([*masked, SHARD, f"results_dir={sharded}"], None),
        ([*masked, SHARD, f"results_dir={stopped}"], 9),
        ([*masked, SHARD, f"results_dir={stopped}"], None),
        ([*masked, SHARD, f"results_dir={ended}"], STEPS - 1),
        ([*masked, SHARD, f"results_dir={ended}"], None),  # there is only the evaluation left
        ([*masked, SHARD, f"results_dir={left}"], 9),
        ([*masked, SHARD, f"results_dir={begun}"], None),
    )
    run(load_config([*masked, f"results_dir={left}"]))
    for folder in (sharded, stopped, ended, left, begun):
        assert_equal_runs(folder, alone)
    trained = [load_file(results(folder)[1] / FILE) for folder in (sharded, stopped)]
    assert all((trained[0][name] == trained[1][name]).all() for name in trained[0])


def test_causal(causal, forkserver, tmp_path, monkeypatch):
    without_java()
    alone, sharded, ended = (tmp_path / name for name in ("alone", "sharded", "ended"))
    steps = run(load_config([*causal, f"results_dir={alone}"])).result.steps
    in_two(
        forkserver,
        ([*causal, SHARD, f"results_dir={sharded}"], None),
        ([*causal, SHARD, f"results_dir={ended}"], steps - 1),
        ([*causal, SHARD, f"results_dir={ended}"], None),  # one process evaluates before it has run the model
    )
    assert_equal_runs(sharded, alone)
    assert_equal_runs(ended, alone)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["lora", "lopa", "pt", "lpt"])
def test_a_frozen_backbone(masked, causal, method, forkserver, tmp_path):
    """A classifier and a writer, whole and interrupted, with dropout and an instance encoder that is the backbone."""
    without_java()
    changed = [f"method={method}", "train.lr=1e-3"]
    for name, overrides in (("masked", masked), ("causal", causal)):
        overrides = [word for word in overrides if not word.startswith(("method=", "train.lr="))] + changed
        alone, sharded, left = ([*overrides, f"results_dir={tmp_path / name / folder}"] for folder in ("a", "s", "l"))
        run(load_config(alone))
        in_two(forkserver, ([*sharded, SHARD], None), ([*left, SHARD], 5))
        run(load_config(left))
        assert_equal_runs(tmp_path / name / "s", tmp_path / name / "a", 1e-4)
        assert_equal_runs(tmp_path / name / "l", tmp_path / name / "a", 1e-4)


@pytest.mark.slow
def test_with_what_else_saves_memory(masked, causal, forkserver, tmp_path):
    without_java()
    for name, overrides in (("masked", masked), ("causal", causal)):
        overrides = [*overrides, "train.accumulate=2", "train.gradient_checkpointing=true"]
        run(load_config([*overrides, f"results_dir={tmp_path / name / 'alone'}"]))
        in_two(forkserver, ([*overrides, SHARD, f"results_dir={tmp_path / name / 'sharded'}"], None))
        assert_equal_runs(tmp_path / name / "sharded", tmp_path / name / "alone")


@pytest.mark.slow
def test_bf16_keeps_its_fp32_weights(masked, forkserver, tiny_models, tmp_path):
    overrides = [*masked, "precision=bf16"]
    run(load_config([*overrides, f"results_dir={tmp_path / 'alone'}"]))
    in_two(forkserver, ([*overrides, SHARD, f"results_dir={tmp_path / 'sharded'}"], None))
    (ours, path), (theirs, other) = results(tmp_path / "sharded"), results(tmp_path / "alone")
    assert ours["gradient_norm"]["first"] == pytest.approx(theirs["gradient_norm"]["first"], rel=2e-2)
    trained, expected, start = (
        load_file(p) for p in (path / FILE, other / FILE, f"{tiny_models('roberta')}/model.safetensors")
    )
    assert {value.dtype for value in trained.values()} == {torch.float32}
    name = "roberta.encoder.layer.0.output.dense.weight"
    moves = [state[f"backbone.model.{name}"] - start[name] for state in (trained, expected)]
    assert torch.cosine_similarity(*(move.flatten() for move in moves), dim=0) > 0.9


@pytest.mark.slow
def test_torchrun(masked, tmp_path):
    run(load_config([*masked, f"results_dir={tmp_path / 'alone'}"]))
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", f"--master_port={free_port()}"]
    command = [*launch, "-m", "lopa_bench", *masked, SHARD, f"results_dir={tmp_path / 'sharded'}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert_equal_runs(tmp_path / "sharded", tmp_path / "alone")


def test_one_process_is_refused(masked, tmp_path, capsys):
    assert main([*masked, SHARD, f"results_dir={tmp_path}"]) == 2
    error = capsys.readouterr().err.splitlines()
    assert len(error) == 1
    assert "train.shard=true" in error[0]
    assert "accelerate launch --multi_gpu --num_processes" in error[0]


@pytest.mark.parametrize(
    ("changed", "message"),
    [("train.compile=true", "nearest: train.compile=false")],
)
def test_what_cannot_be_sharded_is_refused(masked, monkeypatch, changed, message):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("CXX", sys.executable)  # anything that is there
    with pytest.raises(UserError, match=message):
        preflight(load_config([*masked, SHARD, changed]))


@pytest.mark.slow
def test_without_shards_too_a_run_goes_on_in_another_number_of_processes(masked, forkserver, tmp_path):
    """From two to one, and from one to two."""
    words = [
        *(word for word in masked if word != "method=fft"),
        "method=lopa",
        "method.dropout=0",
        "method.head_size=16",
    ]
    alone, left, begun = ([*words, f"results_dir={tmp_path / name}"] for name in ("alone", "left", "begun"))
    run(load_config(alone))
    with pytest.MonkeyPatch.context() as patch:
        stop_at(patch, 9)
        with pytest.raises(KeyboardInterrupt):
            run(load_config(begun))
    in_two(forkserver, (left, 9), (begun, None))
    run(load_config(left))
    for name in ("left", "begun"):
        assert_equal_runs(tmp_path / name, tmp_path / "alone")
