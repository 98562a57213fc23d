"""The digest of a run: what changes it, what does not, and that it stays."""

import copy
import dataclasses
import sys
import types

import pytest
from pydantic import Field

from lopa_bench.config.compose import build_config, compose_config, load_config
from lopa_bench.config.fields import settings
from lopa_bench.methods.lopa import Lopa
from lopa_bench.run import identity
from lopa_bench.run.records import read_records

# At scale=mini, whose data and weights ship with the package. Another recipe, other data or weights are other runs; where none of these has
# changed and a digest has, every published result of that task or method is orphaned.
REFERENCE = {
    "task=rte method=lopa": "d4f42de63715",
    "task=mrpc method=lora seed=1": "055e9ab9999e",
    "task=sst2 method=none selection=last": "02c26091038c",
    "task=e2e method=pt": "633eedb7ecf0",
    "task=webnlg method=lopa_phm data.limit=24": "9594b8ab8837",
    "task=mbpp method=dept generation.num_samples=2 generation.decoding=sample": "69ce1de65441",
}


def digest(*words):
    return of(load_config(words))


def of(config):
    return identity.digest(identity.determining(config, read_records(config)))


@pytest.mark.parametrize(("words", "expected"), REFERENCE.items(), ids=list(REFERENCE))
def test_reference(words, expected):
    assert digest(*words.split()) == expected


UNDETERMINING = [
    "results_dir=elsewhere", "force=true", "offline=false", "checkpoint_every=1", "tracker=csv", "train.eval_batch_size=3",
    "train.compile=true", "train.weight_decay=-0.0",
    "train.gradient_checkpointing=true", "train.shard=true", "model.revision=other", "model.name=renamed", "model.trust_remote_code=true",
    "data.limit=100000", "task.files.train=[unused.tsv]", "task.columns.label=[label,unused]", "task.hub=null",
    "model.encoder_revision=other",
]  # fmt: skip


@pytest.mark.parametrize("word", UNDETERMINING)
def test_what_does_not_determine_the_number(word):
    assert digest("task=rte", "method=lopa", word) == REFERENCE["task=rte method=lopa"]


def test_an_encoder_that_is_not_read_is_not_part_of_the_run(tiny_models):
    words = ["task=rte", "method=pt"]
    assert digest(*words) == digest(*words, f"model.encoder={tiny_models('bert')}")
    words = ["task=rte", "method=lopa"]
    assert digest(*words) != digest(*words, f"model.encoder={tiny_models('bert')}")


@pytest.mark.parametrize("word", ["method.init_std=0.03", "method.init_std=xavier", "method.head_layers=1"])
def test_what_is_told_of_the_heads_and_the_encoder_is_part_of_the_run(word):
    assert digest("task=rte", "method=lopa", word) != REFERENCE["task=rte method=lopa"]


def test_the_encoders_rate_is_part_of_a_run_that_trains_it():
    lopa = ("task=rte", "method=lopa")
    assert digest(*lopa, "train.encoder_lr=1e-5") == REFERENCE["task=rte method=lopa"]
    trained = (*lopa, "method.freeze_encoder=false")
    assert digest(*trained, "train.encoder_lr=1e-5") != digest(*trained)


def test_what_stands_at_its_default_is_left_out_by_the_recipe_too():
    """A finished run is found by the recipe's values, so both leave out the same."""
    for method in ("lopa", "idpg_phm", "pt", "lora"):
        config = load_config(["scale=paper", "task=rte", f"method={method}"])
        told = identity._chosen(config.method, [field.name for field in dataclasses.fields(config.method)])
        usual = identity.recipe("paper", "rte", method, "roberta_large")
        assert {key: value for key, value in usual.items() if key.startswith("method.") and value is not None} == {
            f"method.{name}": value for name, value in told.items() if value is not None
        }


def test_a_validation_split_that_is_not_read_is_not_part_of_the_run():
    config = load_config(["task=e2e", "method=pt", "selection=last"])
    records = read_records(config)
    changed = dataclasses.replace(records, validation=records.validation[:5])
    assert identity.determining(config, records) == identity.determining(config, changed)
    fewer = dataclasses.replace(records, train=records.train[:5])
    assert identity.determining(config, records) != identity.determining(config, fewer)


def test_the_number_of_processes_is_not_part_of_the_run(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert digest("task=rte", "method=lopa") == REFERENCE["task=rte method=lopa"]


def changed(value):
    """Another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    if isinstance(value, str):
        return f"{value}x"
    if isinstance(value, list):
        return [*value, "x"]
    return {**value, "x": "x"} if isinstance(value, dict) else 1


KEYS = [("", name) for name in identity.RUN]
KEYS += [("train", name) for name in identity.TRAIN]
KEYS += [("generation", name) for name in identity.GENERATION]
KEYS += [("model", name) for name in identity.MODEL]
KEYS += [("task", name) for name in (*identity.TASK, "attribute_names")]
KEYS += [("method", field.name) for field in dataclasses.fields(Lopa)]


@pytest.fixture(scope="module")
def base():
    config = load_config(["task=e2e", "method=lopa", "method.freeze_encoder=false", "data.limit=20"])
    return config, read_records(config)


@pytest.mark.parametrize(("section", "name"), KEYS, ids=[f"{section}.{name}".strip(".") for section, name in KEYS])
def test_every_named_key_changes_the_digest(base, section, name):
    config, records = base
    before = identity.digest(identity.determining(config, records))
    other = copy.deepcopy(config)
    part = getattr(other, section) if section else other
    object.__setattr__(part, name, changed(getattr(part, name)))  # unchecked: only the digest is looked at
    assert identity.digest(identity.determining(other, records)) != before


def test_a_renamed_module_is_the_same_run(monkeypatch):
    moved = types.ModuleType("lopa_bench.methods.moved")
    moved.Lopa = Lopa
    monkeypatch.setitem(sys.modules, moved.__name__, moved)
    composed = compose_config(["task=rte", "method=lopa"])
    composed.method._target_ = "lopa_bench.methods.moved.Lopa"
    assert of(build_config(composed)) == REFERENCE["task=rte method=lopa"]


def with_a_new_field(part):
    """The same settings of a class that has one field more."""

    @settings
    class More(type(part)):
        added: float = 0.5
        listed: list[str] = dataclasses.field(default_factory=list)
        named: dict[str, str] = Field(default_factory=dict)
        bounded: int = Field(default=3, ge=1)

    More.__module__ = type(part).__module__  # a class of ours: other code is another run
    return More(**dataclasses.asdict(part))


@pytest.mark.parametrize("section", ["method", "task", "train", "model", "data"])
def test_a_field_that_is_added_with_a_default_leaves_the_digest(section):
    config = load_config(["task=rte", "method=lopa"])
    more = with_a_new_field(getattr(config, section))
    records = read_records(config)
    changed = dataclasses.replace(config, **{section: more})
    assert identity.digest(identity.determining(changed, records)) == REFERENCE["task=rte method=lopa"]
    if section in {"method", "task"}:  # which name all of their own fields
        told = dataclasses.replace(more, added=0.7)
        used = dataclasses.replace(config, **{section: told})
        assert identity.digest(identity.determining(used, records)) != REFERENCE["task=rte method=lopa"]
