"""An instance encoder whose modelling code comes with its weights, as CodeSage's does."""

import json

import pytest
import torch
from running import complaints

from lopa_bench.cli.main import main
from lopa_bench.config.compose import load_config
from lopa_bench.errors import UserError
from lopa_bench.models.backbone import Backbone
from lopa_bench.models.files import ModelFiles

CODE = """
import torch
from transformers import PretrainedConfig, PreTrainedModel

class SageConfig(PretrainedConfig):
    model_type = "sage"

class Sage(PreTrainedModel):
    config_class = SageConfig

    def __init__(self, config):
        super().__init__(config)
        self.wte = torch.nn.Embedding(config.vocab_size, config.hidden_size)
        self.post_init()

    def _init_weights(self, module):
        module.weight.data.normal_(std=0.5)

    def forward(self, input_ids, attention_mask=None):
        return (self.wte(input_ids),)
"""


@pytest.fixture
def sage(tmp_path, tokenizer_of):
    folder = tmp_path / "sage"
    folder.mkdir()
    tokenizer = tokenizer_of({"pad_token": "<pad>", "eos_token": "</s>"})
    tokenizer.save_pretrained(folder)
    classes = {"AutoConfig": "modeling_sage.SageConfig", "AutoModel": "modeling_sage.Sage"}
    size = {"vocab_size": len(tokenizer), "hidden_size": 24, "max_position_embeddings": 130}
    (folder / "config.json").write_text(json.dumps({"model_type": "sage", "auto_map": classes, **size}))
    (folder / "modeling_sage.py").write_text(CODE)
    from safetensors.torch import save_file

    weight = torch.randn(len(tokenizer), 24, generator=torch.Generator().manual_seed(0))
    save_file({"wte.weight": weight}, folder / "model.safetensors", {"format": "pt"})
    return folder


@pytest.fixture
def words(tiny_models, sage):
    encoder = [f"model.encoder={sage}", "model.encoder_revision=null", "method.pooling=mean", "method.head_size=16"]
    return ["task=rte", "method=lopa", "model=local", f"model.path={tiny_models('roberta')}", *encoder]


def adapt(words):
    config = load_config([*words, "model.trust_remote_code=true"])
    return config.method.adapt(Backbone.load(config.model, "fp32", torch.device("cpu"), offline=True)).eval()


def test_it_is_refused_before_anything_is_loaded(words, capsys):
    assert main(words) == 2
    error = capsys.readouterr().err
    assert "sage brings its own modelling code (modeling_sage.py), which is not run by default" in error
    assert "model.trust_remote_code=true" in error
    assert len(complaints(error)) == 1


def test_where_it_is_trusted_its_features_are_read(words):
    model = adapt(words)
    assert model.encoder.width == 24
    table = model.encoder.module.wte.weight
    assert torch.allclose(model.encoder.features([[11, 12]])[0], table[[11, 12]].mean(0))


def test_a_finished_runs_config_does_not_say_that_it_is_trusted(words, tmp_path, capsys):
    """It may be a stranger's."""
    few = ["train.epochs=1", "data.train_limit=8", "data.limit=4", f"results_dir={tmp_path / 'runs'}"]
    assert main([*words, *few, "model.trust_remote_code=true"]) == 0
    run = next((tmp_path / "runs").rglob("result.json")).parent
    (tmp_path / "new.csv").write_text("sentence1,sentence2\na cat,a dog\n")
    asked = ["predict", f"run={run}", f"inputs={tmp_path / 'new.csv'}"]
    capsys.readouterr()
    assert main(asked) == 2
    error = capsys.readouterr().err
    assert "brings its own modelling code" in error
    assert len(complaints(error)) == 1
    assert main([*asked, "model.trust_remote_code=true"]) == 0


def test_code_that_does_not_run_here_is_one_line(words, sage):
    (sage / "modeling_sage.py").write_text("from transformers.modeling_utils import Conv1D\n" + CODE)
    with pytest.raises(UserError, match="its own code does not work with transformers"):
        adapt(words)


@pytest.mark.parametrize(("kind", "code"), [("phi3", None), ("codesage", "modeling_codesage.py")])
def test_transformers_own_models_need_no_trust(tmp_path, kind, code):
    """Phi-3's repository has a copy of its code too, which is never run."""
    reference = f"owner/name--modeling_{kind}.Model"
    (tmp_path / "config.json").write_text(json.dumps({"model_type": kind, "auto_map": {"AutoModel": reference}}))
    assert ModelFiles("owner/name", tmp_path, None, True).own_code == code
