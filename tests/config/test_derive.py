"""A config derived in milliseconds is the one that Hydra composes, key by key and in the same order."""

import itertools
import time

import pytest

from lopa_bench.config import compose, derive, files
from lopa_bench.config.compose import compose_config, load_config
from lopa_bench.config.resolve import Beyond

# Between them every form that conf/ and overrides have: scales, models with defaults of their own, encoders, own files, lists, text.
KINDS = [
    ["task=e2e", "method=p_tuning_v2", "scale=paper", "seed=3", "generation.num_beams=4", "train.lr=1e-5"],
    ["task=rte", "method=lopa", "recipe=official", "model=roberta_large", "encoder=codebert", "method.rank=full"],
    ["task=mbpp", "scale=small", "model=local", "model.path=/m/x", "model.lora_targets=[q,v]", "data.dir=/a b"],
    ["task=classify", "data.train=a.csv", "data.test=b.csv", "task.text='{x}: {y}'", "task.words={a: b}"],
    [
        "tracker=wandb",
        "results_dir=${task.name}/runs",
        "train.clip=null",
        "method.freeze_encoder=false",
        "offline=true",
    ],
]


def derived(overrides):
    return derive.resolved(compose._unresolved(overrides))


def by_hydra(overrides):
    values = compose._plain(compose_config(overrides))
    return {**values, "scale": {"name": values["scale"]["name"]}}


def in_order(values):
    return [(key, in_order(value) if isinstance(value, dict) else value) for key, value in values.items()]


@pytest.mark.parametrize("overrides", [words for words in KINDS if not any("{a" in word for word in words)])
def test_equal_to_hydra(overrides):
    assert in_order(derived(overrides)) == in_order(by_hydra(overrides))


@pytest.mark.parametrize("overrides", [words for words in KINDS if not any("{a" in word for word in words)])
def test_a_value_stands_wherever_it_is_given(overrides):
    """Before the choice of the group it belongs to, too."""
    assert derived(overrides[::-1]) == derived(overrides) == by_hydra(overrides[::-1])


@pytest.mark.slow
@pytest.mark.parametrize(
    "overrides",
    [[f"{group}={name}"] for group in files.groups() for name in files.choices(group) if name not in ("classify", "write", "local")]
    + [[f"task={task}", f"scale={scale}"] for task, scale in itertools.product(("sst2", "webnlg", "cruxeval_o"), files.choices("scale"))],
    ids=" ".join,
)  # fmt: skip
def test_every_choice_is_equal_to_hydra(overrides):
    assert in_order(derived(overrides)) == in_order(by_hydra(overrides))


@pytest.mark.parametrize(
    "word",
    ["+seed=1", "~tracker", "seed=1,2", "train={epochs: 1}", "train=1", "sed=1", "task=rt", "hydra.verbose=true", "scale.name=x", "seed"],
)  # fmt: skip
def test_what_only_hydra_does_or_refuses_is_left_to_it(word):
    with pytest.raises(Beyond):
        derived([word])


@pytest.mark.parametrize(
    "word", ["results_dir=${none}", "results_dir=${seed}", "model=local", "results_dir=${results_dir}"]
)
def test_an_interpolation_that_stands_for_no_text_is_left_to_hydra(word):
    with pytest.raises(Beyond):
        derived([word, "seed=0"] if word != "results_dir=${seed}" else ["results_dir=x/${seed}"])


def test_a_config_that_only_hydra_composes_is_typed_the_same():
    assert load_config(["seed=1", "~encoder"]).train == load_config(["seed=1"]).train
    assert load_config(["encoder=null"]).model == load_config([]).model


def test_many_configs_take_little_time():
    load_config(["task=rte"])
    started = time.process_time()
    for seed in range(20):
        load_config(["task=mrpc", "method=pt", f"seed={seed}", "train.lr=0.01"])
    assert time.process_time() - started < 0.6
