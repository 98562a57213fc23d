"""E2E and WebNLG scores against values printed by the official scorers on the same texts.

E2E: `measure_scores.py` of tuetschek/e2e-metrics. WebNLG: microsoft/LoRA's `gpt2_decode.py --tokenize --lower` for the texts,
then `multi-bleu-detok.perl` and the functions of WebNLG/GenerationEval's `eval.py`, six references, no newline at the end.
"""

import subprocess
import sys

import pytest
from running import needs

from lopa_bench.errors import RunFailed, UserError
from lopa_bench.metrics import captions, nlg, ter

java = pytest.mark.xdist_group("java")

E2E_OUTPUTS = [
    "Blue Spice is a coffee shop in the city centre.",
    'The Eagle, a "cheap" pub, isn\'t family-friendly; meals cost less than £20.',
    "",
    "Cotto serves Italian food near The Portland Arms. It has 5 out of 5 stars.",
]
E2E_REFERENCES = [
    ["A coffee shop in the city centre area called Blue Spice.", "Blue Spice is a coffee shop in city centre."],
    ["The Eagle is a cheap pub with meals under £20, not family-friendly."],
    ["Zizzi is a restaurant by the river.", "By the riverside you find Zizzi.", "Zizzi: a riverside restaurant."],
    [
        "Cotto is an Italian place near The Portland Arms, rated 5 out of 5.",
        "Near The Portland Arms, Cotto offers Italian food.",
    ],
]
WEBNLG_OUTPUTS = [
    "Abilene , Texas is served by Abilene Regional Airport.",
    'The Adolfo Suárez Madrid–Barajas Airport cannot be found in "Madrid".',
    "elliot see was born in dallas and died in st. louis , st. louis",
]
WEBNLG_REFERENCES = [
    [
        "Abilene, Texas is served by the Abilene regional airport.",
        "Abilene Regional Airport serves the city of Abilene in Texas.",
    ],
    ["Adolfo Suárez Madrid-Barajas Airport can be found in Madrid, San Sebastián de los Reyes."],
    [
        "Elliot See, who was born in Dallas, died in St. Louis.",
        "Elliot See was born in Dallas and he died in St Louis.",
    ],
]
E2E_JAVA = {"meteor": 37.46, "rouge_l": 56.17, "cider": 3.2081}


@java
def test_e2e_metrics_from_java(meteor):
    scores = captions.score(E2E_OUTPUTS, E2E_REFERENCES)
    assert scores == {
        name: pytest.approx(value, abs=5.1e-5 if name == "cider" else 5.1e-3) for name, value in E2E_JAVA.items()
    }


def test_e2e_bleu_and_nist(monkeypatch):
    monkeypatch.setattr(captions, "java_available", lambda: False)
    perl, python = (nlg.e2e(E2E_OUTPUTS, E2E_REFERENCES, variant) for variant in ("perl", "python"))
    assert perl == {"bleu": pytest.approx(39.25, abs=5.1e-3), "nist": pytest.approx(4.2108, abs=5.1e-5)}
    assert python == {
        "bleu": pytest.approx(39.839908788660383, abs=1e-9),
        "nist": pytest.approx(4.138807617963669, abs=1e-9),
    }


def test_without_java_its_metrics_are_left_out_with_the_way_to_get_them(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(captions, "_kept", [])  # another test's process
    assert set(nlg.missing()) == {"meteor", "rouge_l", "cider"}
    assert "java" in nlg.missing()["meteor"]
    assert set(nlg.e2e(["a b"], [["a b"]])) == {"bleu", "nist"}
    assert set(nlg.webnlg(["a b"], [["a b"]])) == {"bleu", "ter", "chrf++"}
    with pytest.raises(UserError, match="needs a Java runtime"):
        captions.meteor(["a"], [["a"]])


def test_webnlg_by_the_rules_of_lora(monkeypatch):
    monkeypatch.setattr(captions, "java_available", lambda: False)
    scores = nlg.webnlg(WEBNLG_OUTPUTS, WEBNLG_REFERENCES)
    assert scores == {
        "bleu": pytest.approx(48.10, abs=5.1e-3),
        "ter": pytest.approx(0.3265993265993266, abs=1e-12),
        "chrf++": pytest.approx(70.72465410007396, abs=1e-9),
    }


@java
def test_meteor_can_be_interrupted(meteor, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(meteor, "_stat", interrupted)
    with pytest.raises(KeyboardInterrupt):
        captions.meteor(["a"], [["a"]])
    assert not meteor.lock.locked()  # which its deletion would wait for


@java
@pytest.mark.parametrize("error", [ValueError("no number"), BrokenPipeError("gone")])
def test_a_java_process_that_dies_is_not_the_texts_fault(meteor, monkeypatch, error):
    def dies(*_):
        raise error

    monkeypatch.setattr(meteor, "_stat", dies)
    with pytest.raises(RunFailed, match=rf"wants 2 GB.*without a score: {error}; the same command asks again"):
        captions.meteor(["a"], [["a"]])


def test_a_tokeniser_that_dies_is_not_the_texts_fault(monkeypatch):
    ended = subprocess.CompletedProcess([], 1, b"a\n", b"Error occurred during initialization of VM\nand more")
    monkeypatch.setattr(captions, "java_available", lambda: True)
    monkeypatch.setattr(captions.subprocess, "run", lambda *_, **__: ended)
    with pytest.raises(RunFailed, match=r"1 lines for 2 texts: Error occurred during initialization of VM$"):
        captions.tokenise(["a", "b"])


@java
def test_webnlg_meteor(meteor):
    assert nlg.webnlg(WEBNLG_OUTPUTS, WEBNLG_REFERENCES)["meteor"] == pytest.approx(43.07289374281050, abs=1e-6)


def test_the_newline_trap_adds_one_item_of_ter_one(monkeypatch):
    monkeypatch.setattr(captions, "java_available", lambda: False)
    plain = nlg.webnlg(WEBNLG_OUTPUTS, WEBNLG_REFERENCES)
    trapped = nlg.webnlg(WEBNLG_OUTPUTS, WEBNLG_REFERENCES, extra_empty_item=True)
    assert trapped == {**plain, "ter": pytest.approx((3 * plain["ter"] + 1) / 4)}


def test_only_the_first_six_references_count(monkeypatch):
    monkeypatch.setattr(captions, "java_available", lambda: False)
    others = ["x y z"] * 6
    assert nlg.webnlg(["a b c d e"], [[*others, "a b c d e"]]) == nlg.webnlg(["a b c d e"], [others])


def test_subsets_are_scored_on_their_own(monkeypatch):
    monkeypatch.setattr(captions, "java_available", lambda: False)
    scores = nlg.webnlg_by_subset(WEBNLG_OUTPUTS, WEBNLG_REFERENCES, ["Airport", "Airport", "Artist"])
    assert scores["ter_unseen"] == nlg.webnlg(WEBNLG_OUTPUTS[2:], WEBNLG_REFERENCES[2:])["ter"]
    assert scores["bleu_seen"] == nlg.webnlg(WEBNLG_OUTPUTS[:2], WEBNLG_REFERENCES[:2])["bleu"]
    assert scores["ter_all"] == pytest.approx((2 * scores["ter_seen"] + scores["ter_unseen"]) / 3)


def test_a_subset_without_instances_has_no_scores(monkeypatch):
    monkeypatch.setattr(captions, "java_available", lambda: False)
    assert "ter_unseen" not in nlg.webnlg_by_subset(["a"], [["a"]], ["Airport"])


def test_rules_of_2017_are_ascii_and_take_three_references(monkeypatch):
    needs("unidecode")
    monkeypatch.setattr(captions, "java_available", lambda: False)
    scores = nlg.webnlg(["Café de la Paix, Paris"], [["x", "y", "z", "w"]], "challenge_2017")
    assert scores["ter"] > 1
    exact = nlg.webnlg(["Cafe de la Paix , Paris"], [["Café de la Paix, Paris"]], "challenge_2017")
    assert exact == {"bleu": pytest.approx(100), "ter": 0}


def test_rules_of_2017_without_unidecode_say_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "unidecode", None)
    with pytest.raises(UserError, match="pip install unidecode"):
        nlg.webnlg(["a"], [["a"]], "challenge_2017")


def test_unknown_rules_are_named():
    with pytest.raises(UserError, match="'gpt' are not one of lora, challenge_2017"):
        nlg.webnlg(["a"], [["a"]], "gpt")


def test_ter_takes_the_nearest_reference_and_counts_shifts_once():
    # The example of pyter's documentation: one shift and three other edits over 13 words.
    reference = "SAUDI ARABIA denied THIS WEEK information published in the AMERICAN new york times"
    output = "THIS WEEK THE SAUDIS denied information published in the new york times"
    assert ter.sentence_mean([output], [[reference]]) == pytest.approx(4 / 13)
    assert ter.sentence_mean([output], [["nothing alike", reference, output]]) == 0


def test_skipping_hopeless_references_changes_no_ter():
    import random

    import pyter

    draw = random.Random(0)
    for _ in range(100):
        output, *references = (" ".join(draw.choices("abcde", k=draw.randint(1, 7))) for _ in range(4))
        lowest = min(pyter.ter(output.split(), text.split()) for text in references)
        assert ter.sentence_mean([output], [references]) == lowest


def test_an_empty_reference_costs_one_and_an_empty_output_too():
    assert ter.sentence_mean(["a b"], [[""]]) == 1
    assert ter.sentence_mean([""], [["a b"]]) == 1
