"""A result is what its file says, and a finished run is whole or made again."""

import errno
import json
import math
import os

import pytest
from pydantic import ValidationError
from synthetic import write_run

from lopa_bench.errors import RunFailed
from lopa_bench.results.directory import RunDirectory
from lopa_bench.results.record import NotAResult, Result, parse


@pytest.fixture
def result(tmp_path):
    return parse((write_run(tmp_path / "made") / "result.json").read_bytes())


@pytest.fixture
def directory(result, tmp_path):
    """A run directory with all of its files."""
    directory = RunDirectory(tmp_path / "run", result.digest, result.config)
    directory.create()
    files = {"trained.safetensors": b"\x00" * 100, "prompts.npz": b"PK"}
    directory.write(result, {"seed": 0}, [{"step": 1, "loss": 0.5}], [{"index": 0, "prediction": "é"}], files)
    return directory


def test_an_older_result_stays_where_the_new_one_does_not_fit(directory, result, monkeypatch):
    """Whichever file the disk has no room for."""
    before = {path.name: path.read_bytes() for path in directory.path.iterdir()}
    real = os.fsync
    for last in range(len(before)):
        left = iter(range(last))

        def full(handle, left=left):
            if next(left, None) is None:
                raise OSError(errno.ENOSPC, "No space left on device")
            real(handle)

        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(RunFailed, match="cannot be written"):
            directory.write(result, {"seed": 1}, [], [], {"trained.safetensors": b"new", "prompts.npz": b"new"})
        assert {path.name: path.read_bytes() for path in directory.path.iterdir()} == before


def test_a_file_is_read_as_it_was_written(result):
    odd = result.model_copy(update={"metrics": {"glue": 0.1 + 0.2, "nan": math.nan, "inf": math.inf}, "metric": "glue"})
    read = parse(odd.to_json().encode())
    assert read.metrics["glue"] == 0.1 + 0.2
    assert math.isnan(read.metrics["nan"])
    assert read.metrics["inf"] == math.inf
    assert parse(result.to_json().encode()) == result
    assert json.loads(result.to_json())["schema"] == 2


def test_it_is_never_changed(result):
    with pytest.raises(ValidationError):
        result.seed = 3


def test_fields_of_a_later_version_are_passed_over(result):
    later = {**json.loads(result.to_json()), "colour": "blue"}
    del later["checksum"]  # the later version's own has the colour in it
    assert parse(json.dumps(later).encode()) == result


@pytest.mark.parametrize("key", sorted(name for name, field in Result.model_fields.items() if field.is_required()))
def test_what_every_result_has_is_named_where_it_is_missing(result, key):
    known = json.loads(result.to_json())
    del known[key]
    with pytest.raises(NotAResult, match=rf"not a whole result \({key}: "):
        parse(json.dumps(known).encode())


def test_a_finished_run_knows_its_files(directory):
    found = directory.result()
    assert set(found.files) == {"trained.safetensors", "prompts.npz", "history.csv", "predictions.jsonl"}
    assert found.files["trained.safetensors"].bytes == 100


@pytest.mark.parametrize(
    "name", ["trained.safetensors", "prompts.npz", "history.csv", "predictions.jsonl", "config.yaml"]
)
def test_a_run_that_lacks_a_file_is_made_again(directory, name):
    (directory.path / name).unlink()
    assert directory.result() is None


@pytest.mark.parametrize("content", [b"\x00" * 99, b"\x00" * 99 + b"\x01"])
def test_a_run_with_another_file_is_made_again(directory, content):
    (directory.path / "trained.safetensors").write_bytes(content)
    assert directory.result() is None


@pytest.mark.parametrize("altered", [("metrics", "glue"), ("steps",), ("config", "seed"), ("files", "history.csv")])
def test_a_run_with_another_result_is_made_again(directory, altered):
    path = directory.path / "result.json"
    known = node = json.loads(path.read_text())
    for key in altered[:-1]:
        node = node[key]
    node[altered[-1]] = {} if altered[0] == "files" else 77
    path.write_text(json.dumps(known))
    assert directory.result() is None


@pytest.mark.parametrize(
    "damage", [lambda text: "", lambda text: text[:-9], lambda text: "[" * 100_000, lambda text: "{}"]
)
def test_a_run_with_a_damaged_result_is_made_again(directory, damage):
    path = directory.path / "result.json"
    path.write_text(damage(path.read_text()))
    assert directory.result() is None


def test_pipes_in_a_runs_directory_are_not_waited_for(directory):
    for name in ("predictions.jsonl", "trained.safetensors", "result.json"):
        (directory.path / name).unlink()
        os.mkfifo(directory.path / name)
        assert directory.result() is None
