"""On a GPU the numbers are the CPU's, and memory is what was estimated; and the suite that asks all this of one runs without."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import tiny
import torch

from lopa_bench.config.compose import load_config
from lopa_bench.models.decoding import GenerationSpec
from lopa_bench.models.shapes import files
from lopa_bench.run.gradients import clip_gradients
from lopa_bench.run.memory import batch, estimate

gpu = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")]
SUITE = Path(__file__).parents[1] / "scripts" / "gpu_suite.sh"


def on(device, architecture, method, tiny_models, *overrides):
    model = tiny.perturbed(tiny.adapt(tiny_models(architecture), method, *overrides))
    rows = tiny.batch(model, tiny.rows(model))
    return model.to(device), rows.to(torch.device(device))


@pytest.mark.parametrize("method", ["lopa", "pt", "lora", "p_tuning_v2", "fft"])
@pytest.mark.parametrize("architecture", ["roberta", "gpt2", "llama"])
class TestNumbers:
    pytestmark = gpu

    def test_logits_and_gradients(self, architecture, method, tiny_models):
        found = []
        for device in ("cpu", "cuda"):
            model, rows = on(device, architecture, method, tiny_models)
            loss = model.loss(rows)
            loss.backward()
            norm = clip_gradients(list(model.trainable().values()), None)
            found.append([model(rows).detach().cpu(), loss.detach().cpu(), norm.cpu()])
        for here, there in zip(*found, strict=True):
            torch.testing.assert_close(here, there, atol=1e-4, rtol=1e-4)

    def test_text(self, architecture, method, tiny_models):
        if architecture == "roberta":
            pytest.skip("a masked LM writes nothing")
        settings = tiny.settings(tiny_models(architecture), method, "task=e2e").generation
        spec = GenerationSpec(settings, (), 5, 0)
        texts = []
        for device in ("cpu", "cuda"):
            model, rows = on(device, architecture, method, tiny_models)
            texts.append(model.generate(rows, spec).tolist())
        assert texts[0] == texts[1]


@pytest.mark.parametrize("method", ["lopa", "fft", "lora"])
class TestMemory:
    pytestmark = gpu

    def test_peak_of_a_step(self, method):
        """In RoBERTa-large's shape, with random weights: allocated in steps of AdamW, within a fifth of the estimate."""
        from lopa_bench.models import shapes

        config = load_config([f"method={method}", "task=rte", "scale=paper", "model=roberta_large", "selection=last"])
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        model = config.method.adapt(shapes.build(files("roberta_large"), "cuda")).train()
        rows = batch(config, model, 128)
        real = type(rows)(**{k: torch.zeros_like(v, device="cuda") for k, v in vars(rows).items() if v is not None})
        optimizer = torch.optim.AdamW(model.trainable().values(), fused=True)
        for _ in range(2):  # the first one has no moments yet
            with model.backbone.dropout.drawing(0, 0, real.index):  # as a run does, whose attention keeps its weights
                model.loss(real).backward()
            optimizer.step()
            optimizer.zero_grad()
        assert estimate(config, 128).peak == pytest.approx(torch.cuda.max_memory_allocated() - before, rel=0.2)


@pytest.mark.parametrize(
    ("parts", "made", "status", "said"),
    [
        ({}, ["environment", "generate", "large", "memory", "mini", "steps", "tests", "train"], 0, ""),
        ({"PARTS": "memory train"}, ["memory", "train"], 0, ""),
        ({"PARTS": "memory trian"}, [], 2, "PARTS: no part is called trian; they are environment tests large memory"),
    ],
)
def test_the_suite_does_all_its_parts_or_those_named(parts, made, status, said, tmp_path):
    """With a Python that only says with which words it was called."""
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "$@"\n')
    python.chmod(0o755)
    known = {name: value for name, value in os.environ.items() if name not in {"PARTS", "WHEELS"}}
    run = [SUITE, tmp_path / "out", "--dry"]
    ran = subprocess.run(run, env={**known, **parts, "PYTHON": python}, capture_output=True, text=True, check=False)
    assert sorted(path.stem for path in (tmp_path / "out").glob("*.*") if path.is_file()) == made
    assert ran.returncode == status, ran.stderr
    assert said in " ".join(ran.stderr.split())


@pytest.mark.slow
def test_the_suite_runs_dry(tmp_path):
    """Its parts are whole files, and what is there is not made again."""
    environment = {**os.environ, "PARTS": "environment large memory steps mini", "PYTHON": os.sys.executable}

    def run():
        return subprocess.run([SUITE, tmp_path, "--dry"], env=environment, capture_output=True, text=True, check=False)

    done = run()
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "environment.json").read_text())["torch"] == torch.__version__
    (memory,) = json.loads((tmp_path / "memory.json").read_text())
    assert memory["ran"]["measured"] > 0
    assert (tmp_path / "mini.csv").read_text().count("lopa") == 4  # two tasks, here and on the CPU
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.*")}
    (tmp_path / "memory.json").unlink()
    assert run().returncode == 0
    again = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.*")}
    assert [path.name for path in again if again[path] != before[path]] == ["memory.json"]


@pytest.mark.parametrize("words", [[], ["--help"], ["--dry"], ["one", "two"], ["out", "--wet"]])
def test_the_suite_makes_nothing_of_words_it_does_not_know(words, tmp_path):
    done = subprocess.run(["bash", SUITE, *words], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr == "usage: scripts/gpu_suite.sh OUT [--dry]\n"
    assert not list(tmp_path.iterdir())
