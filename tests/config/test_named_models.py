"""Models by name: every YAML of conf/model and conf/encoder, and the folders that stand in for the hub."""

import shutil

import pytest

from lopa_bench.config.compose import load_config
from lopa_bench.config.files import choices, read
from lopa_bench.config.places import folder_name, name_of
from lopa_bench.errors import UserError
from lopa_bench.models import shapes
from lopa_bench.models.files import locate
from lopa_bench.run.unread import check_read

NAMED = set(choices("model")) - {"by_scale", "local", "mini_mlm", "mini_clm"}


@pytest.mark.parametrize("name", sorted(NAMED))
def test_a_name_composes_and_has_a_shape_of_its_own_kind(name):
    config = load_config(["task=rte", "scale=paper", f"model={name}"])
    assert config.model.name == name
    assert shapes.files(name).kind == config.model.kind
    assert name_of("model", config.model.path) == name
    assert name_of("encoder", config.model.encoder) in choices("encoder")


@pytest.mark.parametrize("name", sorted(set(choices("encoder")) - {"backbone"}))
def test_an_encoder_is_a_pinned_model_with_a_known_width(name):
    config = load_config(["task=rte", f"encoder={name}"])
    assert name_of("encoder", config.model.encoder) == name
    assert shapes.of(config.model.encoder).width > 0
    assert config.model.encoder_revision == "main" or len(config.model.encoder_revision or "") == 40


def test_the_small_models_have_the_parameters_that_their_names_promise():
    millions = {"distilroberta": 82.2, "bert_base": 109.5, "smollm2_135m": 134.5, "smollm2_360m": 361.8, "gpt2": 124.4,
                "qwen2_5_0_5b": 494.0, "roberta_base": 124.7, "minilm_mlm": 22.7}  # fmt: skip
    counted = {name: shapes.on_meta(name).model.num_parameters() / 1e6 for name in millions}
    assert counted == pytest.approx(millions, abs=0.05)


def test_a_folder_of_folders_stands_in_for_the_hub(tmp_path, tiny_models):
    shutil.copytree(tiny_models("gpt2"), tmp_path / "smollm2_135m")
    shutil.copytree(tiny_models("roberta"), tmp_path / "mpnet")
    words = ["scale=small", "task=e2e", "encoder=mpnet", f"models.dir={tmp_path}"]
    config = load_config(words)
    assert config.model.path == str(tmp_path / "smollm2_135m")
    assert config.model.encoder == str(tmp_path / "mpnet")
    assert name_of("encoder", config.model.encoder) == "mpnet"  # what the result says: no place, no hub id
    assert locate(config.model.path, config.model.revision, offline=True).kind == "causal"
    assert load_config([*words, "model=gpt2"]).model.path == read("model/gpt2")["path"]  # not there: the hub's
    check_read(config)  # the hub's revision, which nobody typed, is not held against the folder
    with pytest.raises(UserError, match=r"model\.encoder_revision=abc: .*mpnet is a folder, which has no revisions"):
        check_read(load_config([*words, "model.encoder_revision=abc"]))


def test_a_folder_is_called_as_it_was_named_and_one_of_the_hubs_cache_as_its_model(tmp_path, monkeypatch):
    """Not as what a link leads to, which in the cache is a hash."""
    snapshot = (
        tmp_path / "models--sentence-transformers--all-MiniLM-L6-v2/snapshots/c9745ed1d9f207416be6d2e6f8de32d1f16199bf"
    )
    snapshot.mkdir(parents=True)
    (tmp_path / "mine").symlink_to(snapshot)
    monkeypatch.chdir(snapshot)
    places = {"mine": "mine", "mine/": "mine", "mine/../mine/.": "mine"}
    assert {place: folder_name(f"{tmp_path}/{place}") for place in places} == places
    assert folder_name(str(snapshot)) == folder_name(".") == "all-MiniLM-L6-v2"
    assert load_config(["model=local", f"model.path={tmp_path}/mine"]).model.name == "mine"


def test_own_folders_and_the_embedded_models_stay_where_they_are(tmp_path, tiny_models):
    (tmp_path / "mini_mlm").mkdir()
    here = str(tiny_models("roberta"))
    assert load_config([f"models.dir={tmp_path}"]).model.path == "mini:mini-mlm"
    assert load_config([f"models.dir={tmp_path}", "model=local", f"model.path={here}"]).model.path == here


def test_rows_come_from_files_where_a_folder_is_given_and_from_the_hub_where_none_is():
    assert load_config(["scale=small", "task=rte"]).data.source == "hub"
    assert load_config(["scale=small", "task=rte", "data.dir=data"]).data.source == "files"
