"""Methods, tasks and tables from outside: an installed package's, and one's own folder's (``conf.path``)."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lopa_bench.cli.main import main
from lopa_bench.config import files
from lopa_bench.config.compose import load_config
from lopa_bench.errors import UserError

ROOT = Path(__file__).parents[2]
SMALL = ["data.limit=8", "train.epochs=1"]


@pytest.fixture(scope="module")
def written():
    """docs/adding.md's method: its Python and its YAML, which names the class where `{package}` is."""
    page = (ROOT / "docs/adding.md").read_text(encoding="utf-8")
    code, yaml = re.findall(
        r"^```(?:python|yaml)\n# (?:lopa_bench|conf)/\S+\n(.*?)^```", page, re.DOTALL | re.MULTILINE
    )
    return code, yaml.replace("lopa_bench.methods.scaled_prompt", "{package}")


@pytest.fixture
def own(written, tmp_path):
    """A folder of one's own with a method and a task in it; its module is on the Python path."""
    code, yaml = written
    (tmp_path / "scaled_prompt.py").write_text(code)
    for group in ("method", "task"):
        (tmp_path / "conf" / group).mkdir(parents=True)
    (tmp_path / "conf/method/scaled_prompt.yaml").write_text(yaml.replace("{package}", "scaled_prompt"))
    task = (ROOT / "conf/task/rte.yaml").read_text().replace("name: rte\nfamily", "name: own_rte\nfamily")
    (tmp_path / "conf/task/own_rte.yaml").write_text(task)
    return tmp_path


@pytest.fixture
def plugin(written, tmp_path, monkeypatch):
    """An installed distribution: a package with conf/ and tables/, and its metadata."""
    code, yaml = written
    package = tmp_path / "site" / "stub_plugin"
    (package / "conf" / "method").mkdir(parents=True)
    (package / "tables").mkdir()
    (package / "__init__.py").write_text("")
    (package / "own.py").write_text(code)
    (package / "tables" / "mine.py").write_text("")
    named = yaml.replace("{package}", "stub_plugin.own").replace("name: scaled_prompt", "name: stub_scaled")
    (package / "conf/method/stub_scaled.yaml").write_text(named)
    info = tmp_path / "site" / "stub_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stub-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[lopa_bench.plugins]\nstub = stub_plugin\n")
    monkeypatch.syspath_prepend(str(package.parent))
    yield package.parent
    for name in [name for name in sys.modules if name.startswith("stub_plugin")]:
        del sys.modules[name]


def command(words, path, folder):
    return python(["-m", "lopa_bench", *words], path, folder)


def python(words, path, folder):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(path), str(ROOT)])}
    told = {"cwd": folder, "env": environment, "capture_output": True, "text": True, "check": False}
    return subprocess.run([sys.executable, *words], **told)


def test_a_plugin_is_found(plugin, capsys):
    assert main(["list", "method"]) == 0
    assert "stub_scaled" in capsys.readouterr().out
    assert "stub_scaled" in files.choices("method")
    assert files.table_modules() == ["stub_plugin.tables.mine"]
    assert type(load_config(["method=stub_scaled"]).method).__module__ == "stub_plugin.own"
    assert main(["method=stub_scald"]) == 2
    assert "nearest: method=stub_scaled" in capsys.readouterr().err
    assert main(["method=stub_scaled", "method.rnk=3"]) == 2


def test_without_it_there_is_none():
    assert files.plugins() == {}
    assert "stub_scaled" not in files.choices("method")
    assert not files.trusted("stub_plugin.own.ScaledPrompt")


def test_a_plugins_method_runs(plugin, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["task=rte", "method=stub_scaled", *SMALL]) == 0
    assert "rte · stub_scaled" in capsys.readouterr().out


def test_ones_own_method_and_task_run(own, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(own))
    monkeypatch.chdir(own)
    words = ["task=own_rte", "method=scaled_prompt", "conf.path=conf"]
    assert main([*words, "train.epochs=0", "data.source=files", f"data.dir={own}"]) == 2
    assert "train.tsv" in capsys.readouterr().err
    assert main(["task=rte", *words[1:], *SMALL]) == 0
    assert "rte · scaled_prompt" in capsys.readouterr().out


def test_a_broken_plugin_is_named(plugin, monkeypatch):
    (plugin / "stub_plugin-1.0.dist-info/entry_points.txt").write_text("[lopa_bench.plugins]\nstub = nowhere\n")
    files._plugins.cache_clear()
    with pytest.raises(UserError, match="the plugin stub names nowhere"):
        files.choices("method")
    files._plugins.cache_clear()


def test_ones_own_folder_through_the_command_line(own):
    listed = command(["list", "method", "conf.path=conf"], own, own)
    assert "scaled_prompt" in listed.stdout, listed.stderr
    assert "scaled_prompt" not in command(["list", "method"], own, own).stdout
    words = ["task=own_rte", "method=scaled_prompt", "conf.path=conf", "data.source=mini", *SMALL]
    wrong = command([*words, "method.dropout=2"], own, own)
    assert wrong.returncode == 2
    assert wrong.stderr == "lopa-bench: error: method.dropout=2 must be below 1\n"
    unknown = command([*words, "method=scaled_prmpt"], own, own)
    assert "nearest: method=scaled_prompt" in unknown.stderr
    shown = command(["--cfg", "job", "--resolve", *words], own, own)
    assert "_target_: scaled_prompt.ScaledPrompt" in shown.stdout, shown.stderr


@pytest.mark.slow
def test_a_sweep_in_worker_processes_and_what_is_exported_of_it(own):
    done = command(
        ["-m", "task=rte", "method=scaled_prompt,pt", "conf.path=conf", "hydra/launcher=joblib", *SMALL], own, own
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 ran" in done.stdout
    (run,) = own.glob("runs/mini/rte/mini_mlm/scaled_prompt/*")
    assert "conf:" not in (run / "config.yaml").read_text()  # no path of this machine
    assert command(["export", f"run={run}", "to=out"], own, own).returncode == 2
    assert command(["export", f"run={run}", "to=out", "conf.path=conf"], own, own).returncode == 0
    code = """
from lopa_bench import SoftPromptClient
print(SoftPromptClient.load("out", conf_path="conf").prompt(["a <mask>"]).shape)
"""
    client = python(["-c", code], own, own)
    assert client.stdout == "torch.Size([1, 10, 128])\n", client.stderr


def test_a_class_is_made_only_where_a_file_of_the_folder_names_it(own, monkeypatch):
    monkeypatch.syspath_prepend(str(own))
    with files.searching(own / "conf"):
        assert files.trusted("scaled_prompt.ScaledPrompt")
        assert not files.trusted("scaled_prompt.settings")
    assert not files.trusted("scaled_prompt.ScaledPrompt")


def test_a_name_that_is_taken_is_refused(own):
    (own / "conf/method/lopa.yaml").write_text("name: lopa\n")
    with pytest.raises(UserError, match=r"conf\.path=.*: method/lopa\.yaml is also .*; give yours another name"):
        load_config([f"conf.path={own / 'conf'}"])
    with pytest.raises(UserError, match="there is no such folder"):
        load_config(["conf.path=/nowhere"])


def test_no_recipe_key_is_unread():
    """What conf/scale and conf/recipe say, some file of conf/ takes."""
    read = set()
    for path in (ROOT / "conf").rglob("*.yaml"):
        read |= set(re.findall(r"\$\{(?:setting:|recipe\.)(\w+)\}", path.read_text(encoding="utf-8")))
    for scale in files.choices("scale"):
        for name, table in files.read(f"scale/{scale}")["recipe"].items():
            assert set(table) <= read, f"scale={scale}, {name}: {sorted(set(table) - read)}"
    for recipe in files.choices("recipe"):
        assert set(files.read(f"recipe/{recipe}")) - {"name", "families"} <= read, (
            recipe
        )  # these are recipe.families()'s
