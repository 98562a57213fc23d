"""Every setting is told with its value and what it is."""

import json

import pytest

from lopa_bench.cli.main import main
from lopa_bench.config.comments import comments
from lopa_bench.config.compose import load_config
from lopa_bench.config.files import choices


def settings(capsys, *words):
    assert main(["settings", "--json", *words]) == 0
    return {line["key"]: line for line in json.loads(capsys.readouterr().out)}


def test_comments_of_yaml_by_dotted_key():
    text = "# of the file\na: 1   # one\nb:\n  c: '#'\n  d: [x, y]  # two\n  e:\n    f: 3 # three\ng: {h: 1}   # four\n"
    assert dict(comments(text)) == {"a": "one", "b.d": "two", "b.e.f": "three", "g": "four"}
    assert dict(comments(text, "method"))["method.b.d"] == "two"


@pytest.mark.parametrize("method", choices("method"))
def test_no_setting_of_a_method_is_without_a_word(capsys, method):
    task = "task=rte" if method == "encoder_probe" else "task=e2e"
    told = settings(capsys, f"method={method}", task)
    own = load_config([f"method={method}", task]).resolved["method"]
    shown = {key.removeprefix("method.") for key in told if key.startswith("method.")}
    assert shown == set(own) - {"_target_", "name"}
    assert [key for key, line in told.items() if key.startswith("method.") and not line["note"]] == []


def test_values_are_those_of_the_words(capsys):
    told = settings(capsys, "method=lopa", "method.rank=2", "train.lr=0.5", "data.limit=7")
    assert (told["method.rank"]["value"], told["train.lr"]["value"], told["data.limit"]["value"]) == (2, 0.5, 7)
    assert told["readout"]["note"].startswith("of a classification: label_words, or classifier")
    assert "generation.decoding" not in told
    assert settings(capsys, "tracker=wandb")["tracker.mode"]["note"] == "online | offline | disabled"
    assert settings(capsys, "task=e2e")["generation.decoding"]["value"] == "greedy"
    assert main(["settings", "method=lopa"]) == 0
    printed = capsys.readouterr().out
    assert "method.rank" in printed
    assert "{not_entailment:" in printed  # as a word can say it
    assert main(["settings", "method.rnk=2"]) == 2
    assert "nearest: method.rank" in capsys.readouterr().err
