"""Only classes of lopa-bench, of plugins and of one's own YAML are made, through whichever door a stranger's `_target_` comes."""

import json

import pytest
import yaml
from synthetic import write_run

from lopa_bench.cli.main import main
from lopa_bench.config import typed
from lopa_bench.config.compose import from_resolved, load_config
from lopa_bench.errors import UserError
from lopa_bench.host.checksum import sealed
from lopa_bench.host.files import sha256
from lopa_bench.methods.export import CLIENT_FORMAT
from lopa_bench.serving.client import SoftPromptClient

STRANGERS = [
    "subprocess.Popen",
    "os.system",
    "builtins.exec",
    "lopa_bench",
    "lopa_bench.__main__.main",
    "lopa_benchmark.Popen",
    "",
    None,
    3,
]
NOT_OF_THE_SECTION = [
    "lopa_bench.tasks.glue.Glue",
    "lopa_bench.config.schema.Train",
    "lopa_bench.run.trackers.csv.Csv",
    "lopa_bench.methods.lopa.settings",
    "lopa_bench.results.provenance.subprocess",
    "lopa_bench.results.provenance.Path",
]


@pytest.fixture
def marker(tmp_path):
    """A file that a started program would make, and the section that would start it."""
    made = tmp_path / "made"
    yield made, {"_target_": "subprocess.Popen", "args": ["touch", str(made)]}
    assert not made.exists()


@pytest.mark.parametrize("target", STRANGERS)
def test_a_strangers_class_is_not_made(target):
    with pytest.raises(UserError, match=r"^method\._target_=.* is not made"):
        typed.build({"_target_": target, "args": ["true"]}, "method")


@pytest.mark.parametrize("target", NOT_OF_THE_SECTION)
def test_our_own_classes_are_made_only_where_they_belong(target):
    with pytest.raises(UserError, match=r"^method\._target_=.*(is no method|cannot be imported)"):
        typed.build({"_target_": target}, "method")


def test_an_override(capsys, marker):
    made, _ = marker
    for section in ("method", "task", "tracker"):
        assert main([f"{section}._target_=subprocess.Popen", f"+{section}.args=[touch,{made}]"]) == 2
        assert main([f"{section}._target_=subprocess.Popen"]) == 2
        assert f"{section}._target_=subprocess.Popen" in capsys.readouterr().err
    assert main(["--cfg", "job", "--resolve", "method._target_=subprocess.Popen"]) == 0  # shown, not made
    assert "subprocess.Popen" in capsys.readouterr().out


@pytest.mark.parametrize(
    "word",
    [
        "hydra.launcher._target_=subprocess.Popen",
        "+hydra.callbacks.own._target_=subprocess.Popen",
        "+hydra.callbacks={own:{_target_:subprocess.Popen,args:[touch,MADE]}}",
        "hydra.sweeper={_target_:subprocess.Popen,args:[touch,MADE]}",
    ],
)
def test_hydras_own_sections(word, marker, capsys):
    made, _ = marker
    for mode in ([], ["-m"], ["--cfg", "hydra"], ["--info"]):
        assert main([*mode, word.replace("MADE", str(made))]) == 2
        assert "hydra" in capsys.readouterr().err


def test_nested_targets_are_refused(marker):
    _, nested = marker
    for word in ("method.rank", "task.label_words.entailment", "task.files.train"):
        section, *path, last = word.split(".")
        plain = load_config(["task=rte", "method=lopa"]).resolved
        node = plain[section]
        for part in path:
            node = node[part]
        node[last] = nested
        with pytest.raises(UserError, match=rf"^{word}\._target_: only a section"):
            from_resolved(plain)
        node[last] = [nested]
        with pytest.raises(UserError, match="only a section"):
            from_resolved(plain)


@pytest.fixture
def foreign_run(tmp_path, monkeypatch):
    """A run directory as somebody else may have written it, with another value at a key."""
    monkeypatch.setenv("SECRET", "hunter2")

    def make(section, value):
        plain = {**load_config(["task=rte", "method=lopa"]).resolved, section: value}
        folder = write_run(tmp_path / "results", metrics={"accuracy": 50.0, "glue": 50.0})
        (folder / "config.yaml").write_text(yaml.safe_dump(plain))
        (folder / "trained.safetensors").touch()  # without, it would not come to the config
        return folder

    return make


@pytest.mark.parametrize("section", ["method", "task", "tracker"])
def test_a_foreign_run_is_not_executed(section, foreign_run, marker, tmp_path, capsys):
    assert main(["export", f"run={foreign_run(section, marker[1])}", f"to={tmp_path / 'to'}"]) == 2
    assert f"{section}._target_=subprocess.Popen: is not made" in capsys.readouterr().err


def test_a_foreign_run_cannot_name_its_own_folder_of_yaml(foreign_run, tmp_path, capsys):
    own = tmp_path / "conf" / "method"
    own.mkdir(parents=True)
    (own / "mine.yaml").write_text("_target_: subprocess.Popen\n")
    folder = foreign_run("method", {"_target_": "subprocess.Popen", "args": "true"})
    plain = yaml.safe_load((folder / "config.yaml").read_text())
    (folder / "config.yaml").write_text(yaml.safe_dump({**plain, "conf": {"path": str(own.parent)}}))
    assert main(["export", f"run={folder}", f"to={tmp_path / 'to'}"]) == 2
    assert "is not made" in capsys.readouterr().err


@pytest.mark.parametrize("value", ["${oc.env:SECRET}", "${oc.decode:'${oc.env:SECRET}'}", "${setting:lr}"])
def test_a_foreign_run_is_not_interpolated(value, foreign_run, tmp_path, capsys):
    folder = foreign_run("seed", value)
    assert main(["export", f"run={folder}", f"to={tmp_path / 'to'}"]) == 2
    told = capsys.readouterr().err
    assert value in told  # as it is written
    assert "hunter2" not in told


def test_yaml_tags_of_a_foreign_run_make_nothing(foreign_run, marker, tmp_path, capsys):
    folder = foreign_run("seed", 0)
    with (folder / "config.yaml").open("a") as file:
        file.write(f"extra: !!python/object/apply:os.system ['touch {marker[0]}']\n")
    assert main(["export", f"run={folder}", f"to={tmp_path / 'to'}"]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_a_client_folder_is_not_executed(marker, tmp_path):
    (tmp_path / "client.safetensors").touch()
    files = {"client.safetensors": sha256(tmp_path / "client.safetensors")}
    about = {"format": CLIENT_FORMAT, "reads_instance": False, "method": marker[1], "files": files}
    (tmp_path / "client.json").write_text(json.dumps(sealed(about)))
    with pytest.raises(UserError, match=r"^method\._target_=subprocess\.Popen: is not made"):
        SoftPromptClient.load(tmp_path)
