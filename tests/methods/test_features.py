"""Instance features on disk: computed once, the same values, and never in the way."""

import io
import os
import pickle

import numpy as np
import pytest

from lopa_bench.methods.features import cache_folder, stored_features

ENCODER = {"weights": "abc", "pooling": "mean", "dtype": "torch.float32"}
TOKENS = [[1, 2, 3], [4]]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LOPA_BENCH_CACHE", str(tmp_path / "cache"))


def counting():
    calls = []

    def compute():
        calls.append(1)
        return np.arange(8, dtype=np.float32).reshape(2, 4)

    return calls, compute


def test_computed_once_for_the_same_texts_and_encoder():
    calls, compute = counting()
    first = stored_features(ENCODER, TOKENS, compute)
    second = stored_features(ENCODER, TOKENS, compute)
    assert len(calls) == 1
    assert isinstance(second, np.memmap)
    np.testing.assert_array_equal(first, second)
    for encoder, tokens in (
        ({**ENCODER, "pooling": "first"}, TOKENS),
        (ENCODER, [[1, 2], [4]]),
        (ENCODER, TOKENS[::-1]),
    ):
        stored_features(encoder, tokens, compute)
    assert len(calls) == 4


def swapped(path, content):
    """The file of other texts in this one's place."""
    other = stored_features(ENCODER, TOKENS[::-1], lambda: np.full((2, 4), 7, dtype=np.float32))
    (foreign,) = set(path.parent.iterdir()) - {path}
    assert other.shape == (2, 4)
    return foreign.read_bytes()


def as_numpy(array):
    """What `numpy.save` writes, without our checksum, as earlier versions left it."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


DAMAGE = {
    "empty": lambda path, content: b"",
    "cut off in the header": lambda path, content: content[:40],
    "cut off in the rows": lambda path, content: content[:-40],
    "one byte short": lambda path, content: content[:-1],
    "one byte more": lambda path, content: content + b"\0",
    "zeroed": lambda path, content: bytes(len(content)),
    "zeroed rows": lambda path, content: content[:128] + bytes(32) + content[160:],
    "one bit": lambda path, content: content[:140] + bytes([content[140] ^ 1]) + content[141:],
    "another key's": swapped,
    "another shape": lambda path, content: as_numpy(np.zeros((3, 4), dtype=np.float32)),
    "another type": lambda path, content: as_numpy(np.zeros((2, 4))),
    "without a checksum": lambda path, content: as_numpy(np.zeros((2, 4), dtype=np.float32)),
    "pickled": lambda path, content: pickle.dumps([1]),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_file_that_is_not_what_was_written_is_computed_again(damage):
    calls, compute = counting()
    stored_features(ENCODER, TOKENS, compute)
    (path,) = (cache_folder() / "features").iterdir()
    path.write_bytes(DAMAGE[damage](path, path.read_bytes()))
    for _ in range(2):  # and then it is whole
        np.testing.assert_array_equal(stored_features(ENCODER, TOKENS, compute), compute())
    assert len(calls) == 4  # two of them here


def test_a_pipe_in_a_files_place_is_not_waited_for():
    calls, compute = counting()
    stored_features(ENCODER, TOKENS, compute)
    (path,) = (cache_folder() / "features").iterdir()
    path.unlink()
    os.mkfifo(path)
    np.testing.assert_array_equal(stored_features(ENCODER, TOKENS, compute), compute())
    assert len(calls) == 3


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LOPA_BENCH_CACHE", str(tmp_path / "file" / "below"))
    _calls, compute = counting()
    np.testing.assert_array_equal(stored_features(ENCODER, TOKENS, compute), compute())
