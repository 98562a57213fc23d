"""What the runner writes is what the report reads: two methods, two seeds, a tiny random model."""

import json
import shutil

import pytest

from lopa_bench.cli.compare import main as compare_main
from lopa_bench.cli.report import main
from lopa_bench.results.history import evaluations
from lopa_bench.results.prompts import load_prompts
from lopa_bench.results.read import read_runs

ROWS = 24


@pytest.fixture(scope="module")
def results(tmp_path_factory, tiny_models):
    """A results directory of real runs. The model's folder bears the shipped one's name, by which tables find it."""
    from lopa_bench.config.compose import load_config
    from lopa_bench.run.story import run

    root = tmp_path_factory.mktemp("real")
    model = ["model=local", f"model.path={shutil.copytree(tiny_models('roberta'), root / 'mini_mlm')}"]
    for method in ("lopa", "pt"):
        for seed in (0, 1):
            words = ["task=rte", f"method={method}", f"seed={seed}", *model]
            small = [f"data.limit={ROWS}", "train.epochs=2", "train.max_length=40", f"results_dir={root / 'results'}"]
            run(load_config([*words, *small]))
    return root / "results"


def test_tables_find_the_runs(results, capsys):
    words = ["--results-dir", str(results), "--table", "glue", "--where", f"data.limit={ROWS}", "--format", "json"]
    assert main(words) == 0
    table = json.loads(capsys.readouterr().out)[0]
    cells = {line["label"]: line["cells"][0] for line in table["lines"]}
    assert {label: cell["n"] for label, cell in cells.items() if cell["n"]} == {"LOPA": 2, "PT": 2}
    assert cells["PT"]["counted"] == 10 * 32
    assert cells["LOPA"]["counted"] > cells["PT"]["counted"]


def test_runs_compare_by_their_predictions(results, capsys):
    runs = read_runs(results, "mini").frame
    assert runs["setting"].nunique() == 2  # seeds share a setting
    by_method = [str(path.parent) for path in runs.drop_duplicates("method")["path"]]
    assert compare_main([*by_method, "--format", "json"]) == 0
    compared = json.loads(capsys.readouterr().out)
    assert compared["rows"] == ROWS
    assert compared["test"] == "exact McNemar"


def test_curves_and_prompts_are_there(results):
    for _, run in read_runs(results, "mini").frame.iterrows():
        assert len(evaluations(run)) == 2  # one per epoch
        prompts = load_prompts(run["path"].parent)
        assert (prompts is not None) == (run["method"] == "lopa")
        if prompts is not None:
            assert prompts.z_i.shape == (ROWS, 10, 32)
            assert set(prompts.label) <= {" Yes", " No"}
