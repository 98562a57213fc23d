"""WebNLG's scores: how many references are read, the rules of the challenge of 2017, its categories."""

import sys
from types import SimpleNamespace

import pytest
import sacrebleu
from sacrebleu.metrics.ter import TER

from lopa_bench.metrics import captions, nlg


@pytest.fixture(autouse=True)
def no_java(monkeypatch):
    monkeypatch.setattr(captions, "java_available", lambda: False)


def test_six_references_are_read_and_no_more():
    text, other = "a b c d e", ["x y z"] * 5
    for references, bleu in (([*other, text], 100), ([*other, "x y z", text], 0)):
        assert nlg.webnlg([text], [references])["bleu"] == pytest.approx(bleu)
        line = {"prediction": text, "target": other[0], "references": references}
        assert nlg.WEBNLG["bleu"].of([line]) == pytest.approx(bleu)


def test_the_rules_of_2017_without_the_package(monkeypatch):
    plain = SimpleNamespace(unidecode=lambda text: text.replace("é", "e"))
    monkeypatch.setitem(sys.modules, "unidecode", plain)
    outputs = ["Café de la Paix, Paris", "the red barn stands near it"]
    references = [
        ["the Cafe de la Paix , in Paris", "x y", "Cafe de la Paix is in Paris", "Cafe de la Paix , Paris"],
        ["a red barn stands near it"],
    ]
    found = nlg.webnlg(outputs, references, "challenge_2017")
    said = ["cafe de la paix , paris", "the red barn stands near it"]
    first = [["the cafe de la paix , in paris", "x y", "cafe de la paix is in paris"], ["a red barn stands near it"]]
    filled = [[texts[k] if k < len(texts) else "" for texts in first] for k in range(3)]
    missing = [[texts[k] if k < len(texts) else None for texts in first] for k in range(3)]
    assert found["bleu"] == pytest.approx(
        sacrebleu.corpus_bleu(said, filled, tokenize="none", smooth_method="none", force=True).score
    )
    assert found["ter"] == pytest.approx(TER().corpus_score(said, missing).score / 100)
    assert 0 < found["ter"] < 1
    assert nlg.webnlg(["a b x c d"], [["a b y c d"]], "challenge_2017")["bleu"] == 0  # an order without a match
    said, first = ["a", "the red barn stands near it"], [["a b c"], ["a red barn stands near it", "x y z"]]
    # A missing reference has length 0, and that is nearest to one word.
    found = nlg.webnlg(said, first, "challenge_2017")["bleu"]
    streams = [["a b c", first[1][0]], ["", "x y z"]]
    assert found == pytest.approx(
        sacrebleu.corpus_bleu(said, streams, tokenize="none", smooth_method="none", force=True).score
    )


def test_the_categories_of_2017():
    seen = "Airport Astronaut Building City ComicsCharacter Food Monument SportsTeam University WrittenWork"
    assert set(seen.split()) == nlg.WEBNLG_SEEN
    assert set("Artist Athlete CelestialBody MeanOfTransportation Politician".split()) == nlg.WEBNLG_UNSEEN
