"""A model and rows of one's own take scale=small by themselves, and the run says so."""

import pytest

from lopa_bench.cli.main import main
from lopa_bench.config import scale
from lopa_bench.config.compose import load_config
from lopa_bench.errors import UserError

OWN = ["task=rte", "data.source=files", "data.dir=data", "model=local", "model.path=model"]


def test_a_model_and_files_of_ones_own_take_scale_small():
    config = load_config(OWN)
    assert config.scale == "small"
    assert config.train.max_length == 256  # 64 at the embedded scale
    assert config.train == load_config([*OWN, "scale=small"]).train
    assert "scale=small is taken" in scale.notice(OWN)
    assert load_config([*OWN[:1], "data.source=hub", "model=roberta_large"]).scale == "small"


@pytest.mark.parametrize(
    "overrides",
    [
        [*OWN, "scale=mini"],
        ["task=rte", "model=local", "model.path=model"],  # the embedded rows
        ["task=rte", "data.source=files", "data.dir=data"],  # the embedded model
        ["task=rte", "data.source=files", "data.dir=data", "model=mini_mlm"],
        ["task=rte", "data.dir=data"],
        ["task=rte", "model=local", "model.path=model", "data.dir=null"],
        ["task=rte"],
    ],
)
def test_everything_else_stays_what_it_was(overrides):
    config = load_config(overrides)
    assert config.scale == "mini"
    assert config.train.max_length == 64
    assert scale.implied(overrides) == []
    assert scale.notice(overrides) is None


def test_a_scale_that_is_named_is_taken():
    assert load_config([*OWN, "scale=paper"]).scale == "paper"


def test_the_embedded_models_are_those_of_scale_mini():
    for task, name in (("rte", "mini_mlm"), ("e2e", "mini_clm"), ("mbpp", "mini_clm")):
        own = load_config([f"task={task}", "method=none", f"model={name}"]).model
        assert own == load_config([f"task={task}", "method=none"]).model
        assert name in scale.EMBEDDED


def test_the_run_says_so(run_overrides, tmp_path, capsys):
    """`run_overrides` names scale=mini, as its model has few positions."""
    overrides = [word for word in run_overrides(tmp_path) if not word.startswith(("scale=", "method."))]
    assert main([*overrides, "train.max_length=64", "train.epochs=0", "method=none"]) == 0
    out, err = capsys.readouterr()
    assert err.count("scale=small is taken") == 1
    assert str(tmp_path / "small") in out


@pytest.mark.parametrize("task", ["sst2", "rte model=CAUSAL", "e2e", "webnlg", "mbpp", "cruxeval_o"])
@pytest.mark.parametrize(("name", "causal"), [("mini", "mini_clm"), ("small", "smollm2_135m")])
def test_a_trained_encoder_never_takes_the_rate_of_new_heads(name, causal, task):
    """LOPA's heads take up to 0.3 here, which no pretrained encoder outlives; the authors' one rate of 1e-5 is an encoder's."""
    words = f"task={task} scale={name} method=lopa encoder=backbone method.freeze_encoder=false".replace(
        "CAUSAL", causal
    )
    assert load_config(words.split()).train.encoder_lr <= 3e-4
    assert load_config([*words.split(), "scale=paper"]).train.encoder_lr is None


def test_a_name_stays_with_its_model(tmp_path):
    """A folder that is called like a model is taken for it, as below models.dir; another is model=local."""
    for words in (["model=local"], ["model=local", "model.kind=masked"], ["model=roberta_large"]):
        folder = tmp_path / "roberta_large"
        assert load_config([*words, f"model.path={folder}"]).model.name == "roberta_large"
    for named in ("roberta_large", "mini_mlm"):
        with pytest.raises(
            UserError, match=f"model.path=.*other: model={named} is .*; nearest: model=local model.path="
        ):
            load_config([f"model={named}", f"model.path={tmp_path / 'other'}"])
    assert (
        load_config(["model=roberta_large", "model.name=own", f"model.path={tmp_path / 'other'}"]).model.name == "own"
    )
