"""Instance features on disk: computed once, the same values, and never in the way."""

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


def test_a_damaged_file_is_computed_again():
    _calls, compute = counting()
    stored_features(ENCODER, TOKENS, compute)
    (path,) = (cache_folder() / "features").iterdir()
    path.write_bytes(path.read_bytes()[:40])
    np.testing.assert_array_equal(stored_features(ENCODER, TOKENS, compute), compute())


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LOPA_BENCH_CACHE", str(tmp_path / "file" / "below"))
    _calls, compute = counting()
    np.testing.assert_array_equal(stored_features(ENCODER, TOKENS, compute), compute())
