"""A finished run is answered with in the precision that it was computed in, with its models from where they are now."""

import shutil

import pytest
import torch

from lopa_bench.config.compose import load_config
from lopa_bench.errors import UserError
from lopa_bench.run.model import adapt
from lopa_bench.run.story import run
from lopa_bench.run.trained import load_trained

FEW = ["task=rte", "method=pt", "train.epochs=1", "data.train_limit=16", "data.limit=8"]


def test_models_are_read_from_where_they_are_now(tiny_models, tmp_path):
    """By name, below ``models.dir``; they are the run's by their weights."""
    there = tmp_path / "there"
    shutil.copytree(tiny_models("roberta"), there / "mine")
    words = ["model=local", f"model.path={there / 'mine'}", f"results_dir={tmp_path}"]
    directory = run(load_config([*FEW, *words])).directory.path
    there.rename(tmp_path / "here")
    with pytest.raises(UserError, match=r"model.path=.*mine is not there; give models.dir=DIR with its copy DIR/mine"):
        load_trained(directory)
    config, _ = load_trained(directory, models_dir=tmp_path / "here")
    assert config.model.path == str(tmp_path / "here/mine")
    shutil.copytree(tiny_models("bert"), tmp_path / "others/mine")
    with pytest.raises(UserError, match="holds other weights than the run was trained on"):
        load_trained(directory, models_dir=tmp_path / "others")
    with pytest.raises(UserError, match=r"models\.dir=nowhere: there is no such folder"):
        load_trained(directory, models_dir=type(tmp_path)("nowhere"))


@pytest.mark.parametrize("then", [True, False])
def test_auto_is_what_it_was(then, tmp_path, monkeypatch):
    """On a machine that would compute it otherwise."""
    monkeypatch.setattr("torch.cpu._is_avx512_bf16_supported", lambda: then)
    outcome = run(load_config([*FEW, "precision=auto", f"results_dir={tmp_path}"]))
    monkeypatch.setattr("torch.cpu._is_avx512_bf16_supported", lambda: not then)
    config, model = load_trained(outcome.directory.path)
    assert outcome.result.computed_in == config.precision == ("bf16" if then else "fp32")
    assert model.backbone.dtype == (torch.bfloat16 if then else torch.float32)


def test_what_is_drawn_and_not_trained_is_drawn_as_in_the_run(tmp_path, monkeypatch):
    """A method of one's own may keep a random matrix: it is not in the run's file."""
    drawn = []

    def drawing(config, backbone):
        drawn.append(torch.rand(3))
        return adapt(config, backbone)

    for module in ("execution", "trained"):
        monkeypatch.setattr(f"lopa_bench.run.{module}.adapt", drawing)
    directory = run(load_config([*FEW, "seed=3", f"results_dir={tmp_path}"])).directory.path
    torch.rand(5)
    load_trained(directory)
    ran, *_, answered = drawn
    assert torch.equal(ran, answered)
