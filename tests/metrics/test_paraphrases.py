"""METEOR's own table and the part of it that some texts can use give the same score."""

import csv
import gzip
import itertools
import shutil
import tracemalloc

import pytest
from running import needs

from lopa_bench.metrics import captions, paraphrases

TEXT = "The pub isn't cheap: £20.\nA café near the city centre"
KEPT = ["a pub|the pub", "is n't|isn 't", "£ 20|20", "near|café", "the , centre|the city", "t|t", "city|x-the", "|the"]
LEFT_OUT = ["a shop|the pub", "the pub|a shop", "river|near", "ab|the", "z|the", "the|cheaper", "centres|centre"]


@pytest.fixture
def table(tmp_path):
    def write(*entries):
        lines = "".join(f"0.{i}\n{entry.replace('|', chr(10))}\n" for i, entry in enumerate(entries))
        (tmp_path / "table.gz").write_bytes(gzip.compress(lines.encode()))
        return tmp_path / "table.gz", lines.encode()

    return write


@pytest.mark.parametrize("chunk", [1, 7, 1 << 24])
def test_entries_of_which_a_phrase_stands_nowhere_are_left_out(table, monkeypatch, chunk):
    monkeypatch.setattr(paraphrases, "CHUNK", chunk)
    path, whole = table(*KEPT)
    assert gzip.decompress(paraphrases.used_by(TEXT, path)) == whole
    path, _ = table(*LEFT_OUT)
    assert gzip.decompress(paraphrases.used_by(TEXT, path)) == b""
    path, _ = table(*(entry for pair in zip(LEFT_OUT, KEPT, strict=False) for entry in pair))
    kept = gzip.decompress(paraphrases.used_by(TEXT, path)).decode().splitlines()
    assert [f"{a}|{b}" for a, b in zip(kept[1::3], kept[2::3], strict=True)] == KEPT[: len(LEFT_OUT)]


def test_the_table_is_never_held_as_a_whole(table, monkeypatch):
    """Of four times the entries, all of which are kept, no more is held at a time."""
    monkeypatch.setattr(paraphrases, "CHUNK", 1 << 14)
    held = []
    for count in (20_000, 80_000):
        path, whole = table(*["near|café"] * count)
        tracemalloc.start()
        kept = paraphrases.used_by(TEXT, path)
        held.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert gzip.decompress(kept) == whole
    assert held[1] - held[0] < 0.5 * len(whole)  # the answer itself, gzipped


@pytest.mark.slow
def test_the_whole_table_gives_the_same(shared_data):
    """Outputs that say other things than their references, so that paraphrases are what matches."""
    needs("pycocoevalcap", "nlg")
    if shutil.which("java") is None:
        pytest.skip("no Java on the PATH")
    from pycocoevalcap.meteor.meteor import Meteor

    rows = csv.reader((shared_data / "data/e2e/devset.csv").read_text(encoding="utf-8").splitlines()[1:])
    references = [[text for _, text in group] for _, group in itertools.groupby(rows, key=lambda row: row[0])][:100]
    outputs = [references[i - 1][0] for i in range(len(references))]
    numbered = dict(enumerate(references)), {i: [text] for i, text in enumerate(outputs)}
    whole, _ = Meteor().compute_score(*numbered)
    assert captions.meteor(outputs, references) == 100 * whole
