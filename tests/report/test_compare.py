"""Two runs against each other, and predictions that cannot be read."""

import gzip
import json

import pytest
from scipy import stats
from synthetic import write_run
from test_claims import check, write_pair

from lopa_bench.cli.compare import main as compare_main
from lopa_bench.cli.report import main
from lopa_bench.errors import UserError
from lopa_bench.report.resampling import more_rows_of
from lopa_bench.study.claims import CLAIMS
from lopa_bench.tasks.known import known

DAMAGES = {
    "predictions.jsonl": [b'{"index": 0, "tar', b"1\n2\n", b"\xff\xfe\n", b'{"target": 1, "correct": "x"}\n'],
    "predictions.jsonl.gz": [b"plain", gzip.compress(b"{}\n" * 999)[:-9], b""],
}


@pytest.mark.parametrize(
    ("name", "content"),
    [pytest.param(name, one, id=f"{name}-{n}") for name, many in DAMAGES.items() for n, one in enumerate(many)],
)
def test_damaged_predictions_are_named_and_the_seeds_still_count(tmp_path, capsys, name, content):
    write_pair(tmp_path, ["rte"], 0.9, 0.6)
    broken = next((tmp_path / "mini" / "rte").glob("*/lopa/0-*"))
    (broken / "predictions.jsonl").unlink()
    (broken / name).write_bytes(content)
    assert main(["claims", "--results-dir", str(tmp_path), "--format", "json"]) == 0
    out, error = capsys.readouterr()
    comparison = json.loads(out)[0]["parts"][0]["comparisons"][0]
    assert (comparison["seeds"], comparison["rows"]) == (3, 0)
    if content:
        assert error.count(str(broken)) == 1
        whole = next((tmp_path / "mini" / "rte").glob("*/pt/0-*"))
        with pytest.raises(UserError, match=broken.name):
            compare_main([str(broken), str(whole)])


@pytest.mark.parametrize(("only_a", "only_b", "rows"), [(14, 6, 24), (6, 14, 24), (10, 9, 100), (3, 1, 50), (0, 1, 9)])
def test_the_examples_that_are_lacking_are_those_of_the_test_that_is_printed(only_a, only_b, rows):
    """McNemar's p with as many flips a row falls below the level there and stays below."""
    more = more_rows_of(only_a, only_b, rows)
    flips = only_a + only_b

    def p(total):
        return stats.binomtest(round(total * only_b / flips), total).pvalue

    enough = round(flips * (rows + more) / rows)
    assert p(enough - 1) >= 0.05 > max(p(total) for total in range(enough, enough + 40))
    assert more_rows_of(20, 2, rows) == 0
    assert more_rows_of(0, 0, rows) is None


def test_the_same_examples_in_other_words_are_told_as_such(tmp_path):
    """Two verbalisers on one test file: they did predict the same examples."""
    paths = [write_run(tmp_path, "rte", method, correct=[1, 0] * 20) for method in ("lopa", "pt")]
    for path, word in zip(paths, ("great", "Yes"), strict=True):
        name = path / "predictions.jsonl"
        lines = [json.loads(line) for line in name.read_text(encoding="utf-8").splitlines()]
        told = "".join(json.dumps({**line, "label": "5", "target": f" {word}"}) + "\n" for line in lines)
        name.write_text(told, encoding="utf-8")
    with pytest.raises(UserError, match="answer the same examples with other words"):
        compare_main([str(path) for path in paths])


def test_compare_lists_the_examples_that_flip(tmp_path, capsys):
    a = write_run(tmp_path, "rte", "lopa", correct=[1] * 90 + [0] * 10)
    b = write_run(tmp_path, "rte", "pt", correct=[1] * 60 + [0] * 36 + [1] * 4)
    assert compare_main([str(a), str(b), "--flips", "3"]) == 0
    shown = capsys.readouterr().out
    assert "A − B +26.00" in shown
    assert "Only A is right: 30" in shown
    assert "Only B is right: 4" in shown
    assert "… 27 more" in shown
    assert "p < 0.0001" in shown
    assert compare_main([str(a), str(b), "--format", "json"]) == 0
    parsed = json.loads(capsys.readouterr().out)
    assert parsed["discordant"] == [30, 4]
    assert parsed["p"] < 0.001


def test_a_flip_shows_the_text_and_the_names_of_the_classes(tmp_path, capsys):
    def line(said):
        told = {"input": "it rains? <mask>", "label": "entailment", "predicted_label": said}
        words = {"entailment": " Yes", "not_entailment": " No"}
        return {"index": 0, "target": " Yes", "prediction": words[said], "correct": said == "entailment", **told}

    runs = [
        write_run(tmp_path, "rte", method, predictions=[line(said)] * 2, metrics={"glue": score})
        for method, said, score in (("lopa", "entailment", 100.0), ("pt", "not_entailment", 0.0))
    ]
    assert compare_main([*map(str, runs)]) == 0
    shown = capsys.readouterr().out
    assert '#0 "it rains? <mask>": target "entailment", A "entailment", B "not_entailment"' in shown

    older = [{key: value for key, value in line("not_entailment").items() if key != "predicted_label"}] * 2
    of_words = write_run(tmp_path, "rte", "lora", predictions=older, metrics={"glue": 0.0})
    assert compare_main([str(runs[0]), str(of_words)]) == 0
    assert '#0 "it rains? <mask>": target " Yes", A " Yes", B " No"' in capsys.readouterr().out


def test_long_answers_are_shown_from_where_they_part(tmp_path, capsys):
    body = "    value = value % 4\n    value = value * 7\n    value = value - 1\n    return value"
    runs = []
    for method, end, right in (("lopa", " + 1", True), ("pt", " + 22", False)):
        line = {"index": 0, "target": body + " + 1", "prediction": body + end, "correct": right}
        scores = {"pass@1": 100.0 * right}
        runs.append(str(write_run(tmp_path, "mbpp", method, predictions=[line] * 2, metrics=scores)))
    assert compare_main(runs) == 0
    tail = "n    return value + "  # what the answers share, as JSON, and no more than that of it
    assert f'#0: target …{tail}1", A …{tail}1", B …{tail}22"\n' in capsys.readouterr().out


def test_of_written_texts_those_are_shown_that_move_the_score_most(tmp_path, capsys):
    """BLEU has no right or wrong: what an example adds to A − B is what leaving it out takes away, by the same scorer."""
    target = "The Blue Dog is a cheap pub in the city centre near the old mill ."
    said = {
        "lopa": [target, target, "The Blue Dog is a pub near the old mill .", "a barn"],
        "pt": [target, "The Blue Dog is a cheap pub in the city .", "a cat sees a dog .", "The Blue Dog is a pub ."],
    }
    bleu, runs = known("e2e").metrics["bleu"], []
    lines = {
        method: [
            {"index": i, "prediction": text, "target": target, "references": [target]} for i, text in enumerate(texts)
        ]
        for method, texts in said.items()
    }
    for method, rows in lines.items():
        runs.append(str(write_run(tmp_path, "e2e", method, predictions=rows, metrics={"bleu": bleu.of(rows)})))
    whole = bleu.of(lines["lopa"]) - bleu.of(lines["pt"])
    without = [
        bleu.of(lines["lopa"][:i] + lines["lopa"][i + 1 :]) - bleu.of(lines["pt"][:i] + lines["pt"][i + 1 :])
        for i in range(4)
    ]
    adds = [whole - 3 / 4 * rest for rest in without]

    assert compare_main([*runs, "format=json"]) == 0
    written = json.loads(capsys.readouterr().out)["written"]
    assert written["alike"] == 1
    shown = {one["a"]["index"]: one["points"] for one in written["for_a"]}
    shown |= {one["a"]["index"]: -one["points"] for one in written["for_b"]}
    assert shown == {i: pytest.approx(adds[i]) for i in (1, 2, 3)}
    assert adds[2] > adds[1] > 0 > adds[3]
    assert [one["a"]["index"] for one in written["for_a"]] == [2, 1]

    assert compare_main([*runs, "flips=1"]) == 0
    shown = capsys.readouterr().out
    assert "Both wrote the same: 1 of 4\nFor A: 2, first those that add most to its bleu\n  +" in shown
    assert "  … 1 more (--flips)\nFor B: 1, first" in shown


def test_compare_refuses_what_cannot_be_paired(tmp_path):
    rte = write_run(tmp_path, "rte", "lopa", correct=[1, 0])
    mrpc = write_run(tmp_path, "mrpc", "lopa", correct=[1, 0])
    short = write_run(tmp_path, "rte", "pt", correct=[1, 0, 1])
    bare = write_run(tmp_path, "rte", "lora")
    for other, reason in (
        (mrpc, "task differs"),
        (short, "same examples"),
        (bare, "no predictions"),
    ):
        with pytest.raises(UserError, match=reason):
            compare_main([str(rte), str(other)])


def both_runs(root, tests, inputs, **fields):
    """Two runs with the same targets, of test splits with these fingerprints and texts."""
    written = []
    for method, test, texts in zip(("lopa", "pt"), tests, inputs, strict=True):
        lines = [
            {"index": i, "target": " Yes", "prediction": " Yes", "correct": True}
            | ({"input": texts + str(i)} if texts else {})
            for i in range(4)
        ]
        data = {"source": "mini", "fingerprints": {"test": test}}
        written.append(
            str(
                write_run(root, "rte", method, predictions=lines, metrics={"glue": 100.0, "accuracy": 100.0}, data=data)
            )
        )
    return written


@pytest.mark.parametrize(
    ("tests", "inputs", "same"),
    [
        pytest.param("aa", ("x", "y"), True, id="one file in the words of two templates"),
        pytest.param("ab", ("x", "x"), True, id="the same texts from two sources"),
        pytest.param("ab", ("x", "y"), False, id="two files with labels alike"),
        pytest.param("ab", ("", "x"), False, id="two files, what was read not known"),
    ],
)
def test_runs_of_two_test_files_are_not_compared(tmp_path, capsys, tests, inputs, same):
    runs = both_runs(tmp_path, tests, inputs)
    if same:
        assert compare_main(runs) == 0
    else:
        with pytest.raises(UserError, match="did not predict the same examples"):
            compare_main(runs)
    findings = check(tmp_path, CLAIMS[0]).parts[0].findings
    (rte,) = [finding for finding in findings if finding.comparison.task == "rte"]
    assert (rte.difference is not None) == same


def test_an_interval_and_a_p_that_disagree_say_which_decides(tmp_path, capsys):
    a = write_run(tmp_path, "rte", "lopa", correct=[1] * 5 + [0] * 35)
    b = write_run(tmp_path, "rte", "pt", correct=[0] * 40)
    assert compare_main([str(a), str(b)]) == 0
    shown = capsys.readouterr().out
    assert "p = 0.0625" in shown
    assert "it is the p that decides" in shown


def test_one_example_has_no_interval(tmp_path, capsys):
    a = write_run(tmp_path, "rte", "lopa", correct=[1])
    b = write_run(tmp_path, "rte", "pt", correct=[0])
    assert compare_main([str(a), str(b)]) == 0
    shown = capsys.readouterr().out
    assert "A − B +100.00 (one example)" in shown
    assert "No practical number" not in shown
    assert "nan" not in shown
    assert "p =" not in shown


def test_predictions_that_give_another_score_are_not_of_this_run(tmp_path, capsys):
    write_pair(tmp_path, ["rte"], 0.9, 0.6)
    runs = [next((tmp_path / "mini" / "rte").glob(f"*/{method}/0-*")) for method in ("lopa", "pt")]
    other = next((tmp_path / "mini" / "rte").glob("*/lopa/1-*"))
    (runs[0] / "predictions.jsonl").write_bytes((other / "predictions.jsonl").read_bytes())
    with pytest.raises(UserError, match=r"predictions\.jsonl: not the predictions of this run, glue is "):
        compare_main([str(run) for run in runs])
    assert main(["claims", "--results-dir", str(tmp_path), "--format", "json"]) == 0
    out, error = capsys.readouterr()
    comparison = json.loads(out)[0]["parts"][0]["comparisons"][0]
    assert (comparison["seeds"], comparison["rows"]) == (3, 0)
    (line,) = [line for line in error.splitlines() if str(runs[0]) in line]
    assert line.endswith("of these rows: its seeds count, its examples do not")


def test_in_what_two_runs_differ_beside_their_settings_is_one_line(tmp_path, capsys):
    told = [
        {"device": "cpu", "computed_in": "fp32", "versions": {"torch": "2.7"}, "git": {"commit": "a" * 40}},
        {"device": "NVIDIA H100", "computed_in": "bf16", "versions": {"torch": "2.8"}, "git": {"commit": "b" * 40}},
    ]
    data = [{"source": "files", "fingerprints": {"test": "t", "train": train}} for train in ("one", "two")]
    a, b, same = (
        str(write_run(tmp_path, "rte", method, correct=[1, 0, 1], data=rows, **fields))
        for method, rows, fields in zip(("lopa", "pt", "lora"), (*data, data[0]), (*told, told[0]), strict=True)
    )
    assert compare_main([a, b]) == 0
    said = capsys.readouterr().out.partition("They differ in ")[2].splitlines()[0]
    for word in (
        "method (lopa | pt)",
        "method.rank (4 | —)",
        "train.lr (0.003 | 0.1)",
        "precision (fp32 | bf16)",
        "train rows (one | two)",
        "device (cpu | NVIDIA H100)",
        "torch (2.7 | 2.8)",
        "commit (aaaaaaaaaaaa | bbbbbbbbbbbb)",
    ):
        assert word in said
    assert "method.name" not in said
    assert compare_main([a, same]) == 0
    said = capsys.readouterr().out.partition("They differ in ")[2].splitlines()[0]
    assert "device" not in said
    assert "train rows" not in said


def test_another_backbone_is_named(tmp_path, capsys):
    a = write_run(tmp_path, "rte", "lopa", 0, correct=[1, 0, 1])
    b = write_run(tmp_path, "rte", "lopa", 1, correct=[1, 0, 1], model="roberta_base", settings={"method.rank": 2})
    assert compare_main([str(a), str(b)]) == 0
    said = capsys.readouterr().out
    assert "model (mini_mlm | roberta_base)" in said
    assert "method.rank (4 | 2)" in said
    assert "seed (0 | 1)" in said
