"""A method of one's own is told from another by its code, too."""

import importlib
import shutil
import sys
import textwrap
from pathlib import Path

import pytest

from lopa_bench.cli.main import main
from lopa_bench.config import class_code, files
from lopa_bench.config.class_code import fingerprint
from lopa_bench.errors import UserError
from lopa_bench.methods.export import client_method
from lopa_bench.methods.lopa import Lopa
from lopa_bench.run import identity

METHOD = """
from lopa_bench.config.fields import settings
from lopa_bench.methods.prompt_tuning import PromptTuning
{imports}

@settings
class Own(PromptTuning):
    def prompt(self, parts, features, batch_size):
        {inside}
        return {factor} * super().prompt(parts, features, batch_size)
"""
YAML = """
_target_: {target}
name: own
num_virtual_tokens: ${{setting:num_virtual_tokens}}
"""
WORDS = ["task=rte", "method=own", "conf.path=conf", "data.limit=8", "train.epochs=1"]


class Folder:
    """A place on Python's path, whose modules are forgotten when it is written into."""

    def __init__(self, path):
        self.path = path
        self.write("conf/method/own.yaml", YAML.format(target="own_method.Own"))
        self.method()

    def write(self, name, text):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        self.forget()

    def method(self, imports="", inside="pass", factor="1.0", name="own_method.py"):
        self.write(name, METHOD.format(imports=imports, inside=inside, factor=factor))

    def forget(self):
        for module in [name for name in sys.modules if name.startswith("own_")]:
            del sys.modules[module]
        importlib.invalidate_caches()

    def code(self, module="own_method"):
        self.forget()
        return fingerprint(importlib.import_module(module).Own)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # two texts of one size within a second would share it
    monkeypatch.chdir(tmp_path)
    made = Folder(tmp_path)
    yield made
    made.forget()


def test_a_class_of_ours_has_none():
    assert fingerprint(Lopa) is None


def test_what_is_counted(folder):
    """The module, what it imports of its own wherever it does, packages that hold it; not what lies beside it and is not imported."""
    folder.write("own_layers.py", "width = 1")
    folder.write("own_parts/__init__.py", "")
    folder.write("own_parts/deep.py", "import json, torch\nfrom . import deeper")
    folder.write("own_parts/deeper.py", "depth = 1")
    folder.write("own_other.py", "")
    folder.method("from own_parts import deep", "import own_layers")
    before = folder.code()
    assert before == folder.code()
    folder.write("own_other.py", "x = 1")
    assert before == folder.code()
    for name in ("own_layers.py", "own_parts/__init__.py", "own_parts/deep.py", "own_parts/deeper.py", "own_method.py"):
        text = (folder.path / name).read_text()
        folder.write(name, text + "# another\n")
        assert folder.code() != before, name
        folder.write(name, text)
        assert folder.code() == before, name


@pytest.mark.parametrize("base", ["Base", "Base, Own"])
def test_a_base_in_another_package_is_counted(base, folder, monkeypatch):
    """A method, and a class that is none."""
    elsewhere = "elsewhere/own_base/__init__.py"
    folder.write(elsewhere, "class Base: factor = 1.0")
    monkeypatch.syspath_prepend(str(folder.path / "elsewhere"))
    folder.method("from own_base import Base", name="own_other.py")
    method = "from own_base import Base\nfrom own_other import Own\nclass Own(Base, Own): pass\n"
    folder.write("own_method.py", method)
    before = folder.code()
    folder.write(elsewhere, "class Base: factor = 2.0")
    assert folder.code() != before


def test_a_module_that_cannot_be_parsed_counts_as_it_lies(folder):
    folder.write("own_broken.py", "def (")
    folder.method("try:\n    import own_broken, own_missing\nexcept (SyntaxError, ImportError):\n    pass")
    before = folder.code()
    folder.write("own_broken.py", "def ((")
    assert folder.code() != before


def test_nothing_is_run_that_the_class_does_not_run_itself(folder):
    """What stands in a function, or behind a condition, may be a script, or want what this machine has not."""
    for name in ("own_script.py", "own_kernels/__init__.py"):
        folder.write(name, "raise RuntimeError('run')")
    folder.write("own_kernels/fast.py", "x = 1")
    folder.method(
        "try:\n    from .own_script import a\nexcept ImportError:\n    pass",
        "from own_kernels.fast import x; import own_script",
    )
    before = folder.code()
    folder.write("own_kernels/fast.py", "x = 2")
    assert folder.code() != before


def test_it_is_the_same_in_a_file_in_a_package_that_is_installed_and_in_an_archive(folder, monkeypatch):
    """As a plugin is: from its sources here, as a wheel on a server."""
    monkeypatch.setattr(class_code, "plugins", lambda: {"own_plugin": folder.path})
    folder.method("from own_plugin import layers", name="own_plugin/method.py")
    folder.write("own_plugin/__init__.py", "import own_beside")
    folder.write("own_plugin/layers.py", "")
    folder.write("own_beside.py", "")
    before = folder.code("own_plugin.method")
    moved = folder.path / "lib/site-packages"
    moved.mkdir(parents=True)
    for name in ("own_plugin", "own_beside.py"):
        (folder.path / name).rename(moved / name)
    monkeypatch.syspath_prepend(str(moved))
    assert folder.code("own_plugin.method") == before
    shutil.make_archive(str(folder.path / "archive"), "zip", moved)
    shutil.rmtree(moved)
    monkeypatch.syspath_prepend(str(folder.path / "archive.zip"))
    assert folder.code("own_plugin.method") == before


def test_lopa_bench_beside_it_is_not_its_own(folder):
    before = folder.code()
    (folder.path / "lopa_bench").symlink_to(Path(class_code.__file__).parents[1])
    assert folder.code() == before


def test_a_class_whose_code_is_nowhere_is_refused():
    with pytest.raises(UserError, match=r"nowhere.Own: its code is in no file"):
        fingerprint(type("Own", (Lopa,), {"__module__": "nowhere"}))


def test_after_an_edit_a_run_is_another_and_the_old_one_predicts_nothing(folder, capsys):
    assert main(WORDS) == 0
    folder.forget()
    assert main(WORDS) == 0
    assert "nothing was run" in capsys.readouterr().out
    (old,) = (folder.path / "runs").rglob("result.json")
    folder.method(factor="2.0")
    (folder.path / "inputs.jsonl").write_text('{"premise": "a", "hypothesis": "b"}\n')
    predict = ["predict", f"run={old.parent}", "conf.path=conf", "inputs=inputs.jsonl", "to=out.jsonl"]
    assert main(predict) == 2
    assert "method=own has other code now than this run was made with" in capsys.readouterr().err
    assert main(WORDS) == 0
    assert len(list((folder.path / "runs").rglob("result.json"))) == 2
    assert main(["runs", "conf.path=conf"]) == 0
    assert "code" in capsys.readouterr().out


def test_a_plan_of_a_table_of_ones_own_asks_for_the_code_of_today(folder):
    with files.searching(folder.path / "conf"):
        before = identity.recipe("mini", "rte", "own", "mini_mlm")
    assert before["code.method"] == folder.code()
    assert "code.method" not in identity.recipe("mini", "rte", "lopa", "mini_mlm")


def test_a_client_computes_with_the_code_that_was_exported(folder):
    about = {"method": {"_target_": "own_method.Own", "name": "own", "num_virtual_tokens": 2}, "code": folder.code()}
    with files.searching(folder.path / "conf"):
        assert client_method(about).num_virtual_tokens == 2
        folder.method(factor="2.0")
        with pytest.raises(UserError, match="method=own has other code here than what was exported"):
            client_method(about)
