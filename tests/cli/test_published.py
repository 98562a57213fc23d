"""What is published is what was run, and a change to it is found."""

import gzip
import json

import pytest
import yaml
from synthetic import write_run

from lopa_bench.cli.main import main
from lopa_bench.results.record import Result


@pytest.fixture
def published(tmp_path):
    """A folder with a published run of a table; another, of no table, was left."""
    runs, to = tmp_path / "runs", tmp_path / "results"
    for seed, settings in ((0, {}), (1, {"train.lr": 0.5})):
        folder = write_run(runs, "rte", "lopa", seed, correct=[1, 0, 1, 1], settings=settings)
        (folder / "history.csv").write_text("step,loss\n1,0.5\n")
        (folder / "trained.safetensors").write_bytes(b"\0" * 64)
        config = {
            "results_dir": str(runs),
            "data": {"dir": "/my/data"},
            "model": {"path": "/my/models/mini", "encoder": "backbone"},
        }
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
        written = {
            name: (folder / name).read_bytes() for name in ("history.csv", "predictions.jsonl", "trained.safetensors")
        }
        result = Result.model_validate(json.loads((folder / "result.json").read_text()))
        (folder / "result.json").write_text(result.with_files(written).to_json())
    assert main(["publish", f"results_dir={runs}", f"to={tmp_path / 'all'}", "every=true"]) == 0
    assert len(list((tmp_path / "all").rglob("result.json"))) == 2
    assert main(["publish", f"results_dir={runs}", f"to={to}"]) == 0
    assert (
        main(["report", "table=glue", "format=markdown", f"results_dir={to}", f"output={to}/mini/tables/glue.md"]) == 0
    )
    return to


def test_only_a_tables_runs_are_published_and_without_this_machines_folders(published, capsys):
    (result,) = published.rglob("result.json")
    names = {path.name for path in result.parent.iterdir()}
    assert names == {"result.json", "config.yaml", "history.csv", "predictions.jsonl.gz", "trained.safetensors"}
    assert yaml.safe_load(result.with_name("config.yaml").read_text()) == {
        "results_dir": "runs",
        "data": {"dir": None},
        "model": {"path": "mini", "encoder": "backbone"},
    }
    capsys.readouterr()
    assert main(["verify", f"results_dir={published}"]) == 0
    assert capsys.readouterr().out == (
        "mini: 1 runs; 4 of 4 files as written, 1 of 1 scores as predicted, 1 of 1 tables as of the results\n"
    )


def change_prediction(folder):
    (path,) = folder.rglob("predictions.jsonl.gz")
    path.write_bytes(
        gzip.compress(gzip.decompress(path.read_bytes()).replace(b' No", "target": " Yes', b' Yes", "target": " Yes'))
    )


def change_score(folder):
    (path,) = folder.rglob("result.json")
    path.write_text(path.read_text().replace("75.0", "85.0"))


def change_table(folder):
    path = folder / "mini" / "tables" / "glue.md"
    path.write_text(path.read_text().replace("75.00", "85.00"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (change_prediction, ("not the file that the run wrote", "glue is 75.0, of its predictions 100.0")),
        (
            change_score,
            ("altered after it was written", "glue is 85.0, of its predictions 75.0", "not what its results give"),
        ),
        (change_table, ("not what its results give",)),
    ],
)
def test_what_was_changed_is_named(published, capsys, change, said):
    change(published)
    assert main(["verify", f"results_dir={published}"]) == 1
    err = capsys.readouterr().err
    assert len(err.splitlines()) == len(said)
    assert all(words in err for words in said)
