"""Numbers, lengths and folders that make no sense are refused where they are given."""

import pytest

from lopa_bench.cli.main import main
from lopa_bench.config.compose import from_resolved, load_config
from lopa_bench.config.overrides import jobs
from lopa_bench.errors import UserError

NO_NUMBERS = ["train.lr", "train.weight_decay", "train.clip", "train.warmup", "method.dropout"]
OF_TEXT = ["generation.temperature", "generation.top_p", "generation.length_penalty"]


@pytest.mark.parametrize("value", ["inf", "-inf", "nan", "1e400"])
@pytest.mark.parametrize("key", [*NO_NUMBERS, *OF_TEXT, "task.timeout_s"])
def test_no_number_is_infinite(key, value):
    task = "mbpp" if key.startswith(("generation", "task")) else "rte"
    with pytest.raises(UserError, match=rf"^{key}=-?(inf|nan)"):
        load_config([f"task={task}", f"{key}={value}"])


def test_no_checkpoint_is_a_period():
    assert load_config(["checkpoint_every=inf"]).checkpoint_every == float("inf")
    with pytest.raises(UserError, match="checkpoint_every=nan"):
        load_config(["checkpoint_every=nan"])


@pytest.mark.parametrize(
    "key", ["method.rank", "method.num_virtual_tokens", "train.epochs", "train.batch_size", "data.limit"]
)
def test_no_size_is_beyond_what_a_tensor_has(key):
    with pytest.raises(UserError, match=f"{key}=10000000000000000000 must be at most 2147483647"):
        load_config([f"{key}=10000000000000000000"])


@pytest.mark.parametrize("length", [0, 1, 3])
def test_no_length_has_no_room_for_a_text(length):
    with pytest.raises(UserError, match=f"train.max_length={length} must be at least 4; nearest: train.max_length=4"):
        load_config([f"train.max_length={length}"])


@pytest.mark.parametrize("key", ["results_dir", "data.dir", "model.path", "model.encoder"])
def test_no_folder_has_a_name_that_no_file_system_takes(key):
    model = [] if key in ("results_dir", "data.dir") else ["model=local", "model.path=model"]
    with pytest.raises(UserError, match=f"^{key}=x.*300 bytes is too long"):
        load_config([*model, f"{key}={'x' * 300}"])
    with pytest.raises(UserError, match=f"^{key}=.*and 4000 in all"):
        load_config([*model, f"{key}={'/x' * 2500}"])
    load_config([*model, f"{key}={'x' * 255}"])
    with pytest.raises(UserError, match="too long"):
        load_config([*model, f"{key}='{'é' * 128}'"])  # 256 bytes


@pytest.mark.parametrize("key", ["task.name", "method.name", "model.name"])
@pytest.mark.parametrize(("value", "says"), [("x" * 300, "too long"), ("../up", "no / in it"), ("..", "no / in it")])
def test_no_name_leads_out_of_the_results(key, value, says):
    with pytest.raises(UserError, match=f"^{key}=.*{says}"):
        load_config([f"{key}={value}"])


@pytest.mark.parametrize("section", ["train", "data", "generation", "sandbox", "task.files"])
@pytest.mark.parametrize("value", ["5", "text", "[1]", "null"])
def test_no_section_is_a_value(section, value, capsys):
    assert main(["task=e2e", "method=none", f"{section}={value}"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(
        f"lopa-bench: error: {section}={value}: {section} holds keys and is no value; such as {section}."
    )
    assert error.count("\n") == 1


@pytest.mark.parametrize("section", ["train", "data", "generation", "method", "task", "tracker", "model"])
@pytest.mark.parametrize("value", [5, "text", [1], None])
def test_no_section_of_a_runs_config_is_a_value(section, value):
    plain = dict(load_config(["task=e2e", "method=none"]).resolved)
    with pytest.raises(UserError, match=f"^{section}=.* {section} holds keys and is no value"):
        from_resolved({**plain, section: value})


def test_a_key_of_the_choices_that_are_swept_over_is_one_of_the_sweep():
    """The default method has no `method.reads`."""
    made = jobs(["task=rte", "method=idpg_layers,idpg_layers_phm", "method.reads=encoder"])
    assert [words[1] for words in made] == ["method=idpg_layers", "method=idpg_layers_phm"]
    assert all("method.reads=encoder" in words for words in made)


@pytest.mark.parametrize("key", ["results_dir", "data.dir", "models.dir", "init_from", "data.train"])
def test_no_folder_is_in_the_home_of_nobody(key):
    with pytest.raises(UserError, match=rf"^{key}=~nobody_of_this_name/x: there is no user nobody_of_this_name"):
        load_config(["task=rte", f"{key}='~nobody_of_this_name/x'"])


def test_home_is_where_the_shell_has_it(monkeypatch):
    monkeypatch.setenv("HOME", "/my/home")
    config = load_config(["task=rte", "data.dir='~/data'", "init_from='~/run'", "results_dir='~/runs'"])
    assert (config.data.dir, config.init_from) == ("/my/home/data", "/my/home/run")
    assert str(config.results_dir) == "/my/home/runs"
