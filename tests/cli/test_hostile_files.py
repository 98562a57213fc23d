"""Pipes, devices, bombs and bottomless JSON in the place of every file that a command reads or writes: one line, at once."""

import gzip
import os
import signal

import pytest
from synthetic import write_run

from lopa_bench.cli.main import main
from lopa_bench.host import files

SCORES = {
    "e2e": ("p.txt", "--references", "r.txt"),
    "e2e tables": ("p.csv", "--references", "r.csv"),
    "webnlg": ("p.txt", "--references", "r.json"),
    "mbpp": ("p.jsonl", "--problems", "r.jsonl"),
    "cruxeval": ("p.json", "--problems", "r.jsonl", "--mode", "input"),
    "glue": ("p.tsv", "--references", "r.jsonl", "--task", "rte"),
}


@pytest.fixture(autouse=True)
def at_once():
    """Whatever is waited for, or read without an end, ends the test."""

    def late(*_):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(120)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def endless(path):
    path.symlink_to("/dev/zero")


def folder(path):
    path.mkdir()


def bottomless(path):
    path.write_text("[" * 200_000)


HOSTILE = {"pipe": os.mkfifo, "endless": endless, "folder": folder}


def refused(capsys, *argv, status=2):
    """The one line that a command ends with."""
    capsys.readouterr()
    assert main([str(word) for word in argv]) == status
    out, err = capsys.readouterr()
    assert err.count("\n") == 1, err
    assert err.startswith("lopa-bench: error: ")
    return err + out


@pytest.mark.parametrize("which", [0, 1], ids=["predictions", "references"])
@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("benchmark", SCORES)
def test_score(tmp_path, capsys, benchmark, kind, which):
    predictions, option, references, *more = SCORES[benchmark]
    paths = [tmp_path / predictions, tmp_path / references]
    good = {".csv": "mr,ref\na[b],c\n", ".json": "{}", ".tsv": "label\nentailment\n", ".jsonl": "{}\n"}
    paths[1 - which].write_text(good.get(paths[1 - which].suffix, "a\n"))
    HOSTILE[kind](paths[which])
    line = refused(capsys, "score", benchmark.split()[0], "--predictions", paths[0], option, paths[1], *more)
    if benchmark != "webnlg" or kind != "folder" or not which:  # a folder of references is one of its forms
        assert "not a file" in line or "cruxeval" in benchmark or "mbpp" in benchmark


@pytest.mark.parametrize("benchmark", ["mbpp", "cruxeval", "webnlg", "glue"])
def test_score_of_bottomless_json(tmp_path, capsys, benchmark):
    predictions, option, references, *more = SCORES[benchmark]
    paths = [tmp_path / predictions, tmp_path / references]
    paths[0].write_text("label\nentailment\n" if benchmark == "glue" else "{}\n")
    bottomless(paths[1])
    line = refused(capsys, "score", benchmark, "--predictions", paths[0], option, paths[1], *more)
    assert "JSON" in line


@pytest.mark.parametrize("kind", HOSTILE)
def test_rows(tmp_path, capsys, kind):
    (tmp_path / "glue/RTE").mkdir(parents=True)
    for name in ("train", "dev"):
        HOSTILE[kind](tmp_path / f"glue/RTE/{name}.tsv")
    line = refused(capsys, "task=rte", "data.source=files", f"data.dir={tmp_path}", f"results_dir={tmp_path}/results")
    assert f"{tmp_path}/glue/RTE/train.tsv: is a " in line
    assert not (tmp_path / "results").exists()


def test_rows_of_bottomless_json(tmp_path, capsys):
    (tmp_path / "webnlg").mkdir()
    for name in ("train", "test"):
        bottomless(tmp_path / f"webnlg/{name}.json")
    overrides = ["task=webnlg", "method=none", "data.source=files", f"data.dir={tmp_path}"]
    assert "nested too deeply" in refused(capsys, *overrides, f"results_dir={tmp_path}/results")


@pytest.mark.parametrize("kind", [*HOSTILE, "bottomless"])
def test_a_runs_files(tmp_path, capsys, kind):
    runs = [write_run(tmp_path, seed=seed, correct=[1, 0, 1]) for seed in (0, 1)]
    for name in ("predictions.jsonl", "result.json"):
        (runs[0] / name).unlink()
        (HOSTILE.get(kind) or bottomless)(runs[0] / name)
        assert name in refused(capsys, "compare", *runs)
    assert "result.json" in refused(capsys, "export", f"run={runs[0]}", f"to={tmp_path}/to")
    assert main(["report", "tables", f"results_dir={tmp_path}", "table=3"]) in (0, 2)  # it goes on without that run


def test_packed_predictions_are_unpacked_to_a_bound(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(files, "LARGEST_UNPACKED", 1 << 16)
    runs = [write_run(tmp_path, seed=seed, correct=[1, 0, 1]) for seed in (0, 1)]
    (runs[0] / "predictions.jsonl").unlink()
    (runs[0] / "predictions.jsonl.gz").write_bytes(gzip.compress(bytes(1 << 24)))
    assert "predictions.jsonl.gz: more than the 65,536 bytes" in refused(capsys, "compare", *runs)


@pytest.mark.parametrize("command", ["tables", "claims", "html"])
@pytest.mark.parametrize("place", ["a folder", "a pipe", "/dev/full", "below a file", "a long name"])
def test_an_output_that_cannot_be_written(tmp_path, capsys, command, place):
    write_run(tmp_path / "results", correct=[1, 0, 1])
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("text")
    os.mkfifo(tmp_path / "pipe")
    output = {
        "a folder": tmp_path / "folder",
        "a pipe": tmp_path / "pipe",
        "/dev/full": "/dev/full",
        "below a file": tmp_path / "file/below/report",
        "a long name": tmp_path / ("x" * 300),
    }[place]
    line = refused(capsys, "report", command, f"results_dir={tmp_path}/results", f"output={output}")
    assert str(output)[:60] in line
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder", "pipe", "results"]
