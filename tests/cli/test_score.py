"""`lopa-bench score`: the files people have go in, one table or one JSON object comes out, mistakes are one line."""

import json
from pathlib import Path

import pytest

from lopa_bench.cli.main import main as lopa_bench
from lopa_bench.cli.score import main
from lopa_bench.errors import UserError
from lopa_bench.metrics import captions, nlg

OUTPUTS = ["Blue Spice is a coffee shop.", "The Eagle costs less than £20."]
REFERENCES = [["Blue Spice is a coffee shop in the city.", "A coffee shop: Blue Spice."], ["The Eagle is under £20."]]
GROUPED = "\n\n".join("\n".join(texts) for texts in REFERENCES) + "\n"


@pytest.fixture
def no_java(monkeypatch):
    monkeypatch.setattr(captions, "java_available", lambda: False)


@pytest.fixture
def score(tmp_path, capsys, monkeypatch):
    """`score("e2e", files, *options)` writes the files and returns the JSON printed."""
    monkeypatch.chdir(tmp_path)

    def run(benchmark: str, files: dict, *options: str) -> dict:
        for name, content in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        capsys.readouterr()
        assert main([benchmark, *options, "--json"]) == 0
        printed = capsys.readouterr().out
        assert printed.count("\n") == 1
        return json.loads(printed)

    return run


def e2e(score, outputs, references=GROUPED, names=("p.txt", "r.txt")):
    return score(
        "e2e", dict(zip(names, (outputs, references), strict=True)), "--predictions", names[0], "--references", names[1]
    )


def lines(*texts: str) -> str:
    return "".join(text + "\n" for text in texts)


def table(*rows: tuple[str, str], text: str = "ref") -> str:
    return lines(f"mr\t{text}", *(f'"{source}"\t{text}' for source, text in rows))


@pytest.mark.xdist_group("java")
def test_e2e_has_the_five_metrics_of_the_challenge(score, meteor):
    scores = e2e(score, lines(*OUTPUTS))
    assert set(scores) == {"bleu", "nist", "meteor", "rouge_l", "cider"}
    assert scores == pytest.approx(nlg.e2e(OUTPUTS, REFERENCES))


def test_metrics_without_java_are_null_and_named(score, no_java):
    scores = e2e(score, lines(*OUTPUTS))
    assert scores["meteor"] is scores["rouge_l"] is scores["cider"] is None
    assert "java" in scores["missing"]["meteor"]
    assert scores["bleu"] == pytest.approx(nlg.e2e(OUTPUTS, REFERENCES)["bleu"])


@pytest.mark.parametrize(
    "outputs",
    [
        "\n".join(OUTPUTS),  # no newline at the end
        "\r\n".join(OUTPUTS) + "\r\n",
        "  " + "  \n".join(OUTPUTS) + "\n",
    ],
)
def test_line_ends_and_outer_blanks_change_nothing(score, no_java, outputs):
    assert e2e(score, outputs) == e2e(score, lines(*OUTPUTS))
    assert e2e(score, outputs, GROUPED.replace("\n", "\r\n")) == e2e(score, lines(*OUTPUTS))


def test_an_empty_line_is_an_empty_output(score, no_java):
    assert e2e(score, lines("", OUTPUTS[1]))["bleu"] == pytest.approx(nlg.e2e(["", OUTPUTS[1]], REFERENCES)["bleu"])


def test_references_without_a_blank_line_are_one_a_line(score, no_java):
    scores = e2e(score, lines(*OUTPUTS), lines("Blue Spice.", "The Eagle."))
    assert scores["nist"] == pytest.approx(nlg.e2e(OUTPUTS, [["Blue Spice."], ["The Eagle."]])["nist"])


def test_tables_are_joined_by_their_sources(score, no_java):
    outputs = table(("name[Eagle]", OUTPUTS[1]), ("name[Blue Spice]", OUTPUTS[0]), text="output")
    references = 'mr,ref\n"name[Blue Spice]","' + '"\n"name[Blue Spice]","'.join(REFERENCES[0]) + '"\n'
    references += f'name[Eagle],"{REFERENCES[1][0]}"\n'
    assert e2e(score, outputs, references, ("p.tsv", "r.csv")) == e2e(score, lines(*OUTPUTS))
    assert e2e(score, lines(*OUTPUTS), "\ufeff" + references, ("p.txt", "r.csv")) == e2e(score, lines(*OUTPUTS))


def test_each_of_several_outputs_for_a_source_has_all_of_its_references(score, no_java):
    """As in `read_and_group_tsv` of e2e-metrics; without sources in the outputs, as there, each stretch is an instance."""
    first, second, third = "The cat was on a mat today.", "The cat sat on the mat.", "A dog ran by the road."
    outputs = [first, third, second]
    references = table(("a", second), ("b", third), ("a", first))
    joined = e2e(score, table(*zip("aba", outputs, strict=True), text="output"), references, ("p.tsv", "r.tsv"))
    assert joined["bleu"] == pytest.approx(100)
    assert joined["nist"] == pytest.approx(nlg.e2e(outputs, [[second, first], [third], [second, first]])["nist"])
    in_order = e2e(score, lines(*outputs), references, ("p.txt", "r.tsv"))
    assert in_order["nist"] == pytest.approx(nlg.e2e(outputs, [[second], [third], [first]])["nist"])


def test_a_blank_reference_is_a_missing_one(score, no_java):
    """mteval-v13a passes over a reference without words; a length of 0 would lift BLEU."""
    output, full = "The quick brown fox jumps.", "The quick brown fox jumps over the lazy dog near the old river bank."
    both = table(("a", output), ("b", output), text="output")

    def scored(*references: str, outputs: str = both, name: str = "p.tsv") -> dict:
        return e2e(score, outputs, lines("mr,ref", *references), (name, "r.csv"))

    whole = scored(f"a,{full}", f"b,{full}")
    assert whole["bleu"] < 20
    assert scored(f"a,{full}", "a,", f"b,{full}") == whole
    assert scored(f"a,{full}", 'a," "', f"b,{full}", outputs=lines(output, output), name="p.txt") == whole
    with pytest.raises(UserError, match=r"r\.csv: no reference for the source 'b'"):
        scored(f"a,{full}", "b,")
    with pytest.raises(UserError, match=r"r\.csv: 1 of 2 instances have no usable reference, the first is number 2"):
        scored(f"a,{full}", "b,", outputs=lines(output, output), name="p.txt")

    def test_set(*texts: str) -> str:
        entry = {"category": "Food", "lexicalisations": [{"comment": "good", "lex": text} for text in texts]}
        return json.dumps({"entries": [{"1": entry}]})

    asked = ("webnlg", "--predictions", "h", "--references", "t.json")
    scores = [
        score(asked[0], {"h": lines(output), "t.json": test_set(*texts)}, *asked[1:]) for texts in ([full], [full, " "])
    ]
    assert scores[0] == scores[1]


def test_the_outputs_of_a_runs_predictions_are_read_and_no_other_tables(score, no_java):
    rows = [{"index": i, "prediction": text if i else [text, "other"]} for i, text in enumerate(OUTPUTS)]
    made = lines(*map(json.dumps, rows))
    assert e2e(score, made, names=("p.jsonl", "r.txt")) == e2e(score, lines(*OUTPUTS))
    for name in ("p.json", "p.parquet"):
        with pytest.raises(
            UserError, match=r"p\.\w+: is read as one output a line, or \.jsonl with the outputs under prediction"
        ):
            e2e(score, made, names=(name, "r.txt"))
    with pytest.raises(UserError, match=r"r\.jsonl: is read as references one a line"):
        e2e(score, made, names=("p.jsonl", "r.jsonl"))
    with pytest.raises(UserError, match=r"p\.jsonl, row 1: no text under prediction"):
        e2e(score, json.dumps({"prediction": 3}), names=("p.jsonl", "r.txt"))
    with pytest.raises(UserError, match=r"h\.csv: is read as one output a line"):
        score("webnlg", {"h.csv": lines(*OUTPUTS)}, "--predictions", "h.csv", "--references", "refs")


def test_a_table_without_known_headings_is_refused(score):
    """Its first line would be scored as an instance."""
    references = table(("a", OUTPUTS[0]))
    with pytest.raises(
        UserError,
        match=r"p\.csv: its first line is to name one column of sources \(.*mr.* texts \(.*output.*is input, text",
    ):
        e2e(score, f"input,text\na,{OUTPUTS[0]}\n", references, ("p.csv", "r.tsv"))


def test_seen_and_unseen_are_those_of_2017():
    """Later releases train on categories that it had not: of them only all together are told."""
    scores = nlg.webnlg_by_subset(OUTPUTS, REFERENCES, ["Airport", "Artist"])
    assert {"bleu_seen", "bleu_unseen", "bleu_all"} <= set(scores)
    later = nlg.webnlg_by_subset(OUTPUTS, REFERENCES, ["Airport", "Film"])
    assert {name.rpartition("_")[2] for name in later} == {"all"}
    assert later["bleu_all"] == scores["bleu_all"]


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ("a", "p.tsv: no output for 2 of 3 sources of r.tsv, the first is 'b'"),
        ("abcd", "r.tsv: no reference for the source 'd'"),
    ],
)
def test_every_source_has_its_output(score, sources, message):
    outputs = table(*((each, OUTPUTS[0]) for each in sources), text="output")
    references = table(*zip("abc", "xyz", strict=True))
    with pytest.raises(UserError, match=message):
        e2e(score, outputs, references, ("p.tsv", "r.tsv"))


@pytest.mark.parametrize(
    ("outputs", "references", "message"),
    [
        (lines(OUTPUTS[0]), GROUPED, r"p.txt has 1 prediction\(s\) and r.txt 2 group"),
        (lines(*OUTPUTS, ""), GROUPED, "3 prediction"),
        (lines(*OUTPUTS), GROUPED.replace("\n\n", "\n\n\n"), "line 4: a second blank line"),
        ("\ufeff" + lines(*OUTPUTS), GROUPED, "byte order mark"),
        ("Café\nThe Eagle.\n".encode("latin-1"), GROUPED, "line 1: byte 0xE9 is not UTF-8"),
        (b"", GROUPED, "p.txt: is empty"),
        (lines(*OUTPUTS).encode("utf-16"), GROUPED, "not UTF-8"),
    ],
)
def test_e2e_files_that_cannot_be_meant(score, outputs, references, message):
    with pytest.raises(UserError, match=message):
        e2e(score, outputs, references)


def test_a_line_of_a_table_is_one_row(score, no_java):
    def scored(output: str) -> dict:
        outputs = table(("name[Blue Spice]", output), ("name[Eagle]", OUTPUTS[1]), text="output")
        references = table(("name[Blue Spice]", output), ("name[Eagle]", OUTPUTS[1]))
        return e2e(score, outputs, references, ("p.tsv", "r.tsv"))

    with pytest.raises(UserError, match=r'p\.tsv, row 2: begins a text with " that its line does not close'):
        scored('"Blue')
    assert scored("x" * 200_000)["bleu"] == 100


def test_tables_of_headings_alone_are_refused(score):
    with pytest.raises(UserError, match=r"p.tsv: has no rows"):
        e2e(score, "MR\toutput\n", "MR\tref\n", ("p.tsv", "r.tsv"))


def test_webnlg_from_a_folder_and_from_the_test_set(score, no_java):
    def entry(number, category, *texts):
        lexicalisations = [{"comment": "good", "lex": text} for text in texts] + [{"comment": "bad", "lex": "no"}]
        return {str(number): {"category": category, "lexicalisations": lexicalisations}}

    test_set = {"entries": [entry(1, "Airport", *REFERENCES[0]), entry(2, "Artist", *REFERENCES[1])]}
    files = {
        "h": lines(*OUTPUTS),
        "refs/reference0": lines(REFERENCES[0][0], REFERENCES[1][0]),
        "refs/reference1": lines(REFERENCES[0][1], ""),
        "test.json": json.dumps(test_set),
    }
    whole = score("webnlg", files, "--predictions", "h", "--references", "refs")
    assert {"bleu", "ter", "meteor"} <= set(whole)
    assert whole["ter"] == pytest.approx(nlg.webnlg(OUTPUTS, REFERENCES)["ter"])
    parts = score("webnlg", files, "--predictions", "h", "--references", "test.json")
    assert parts["ter"] == parts["ter_all"] == whole["ter"]
    assert {f"{metric}_{part}" for metric in ("bleu", "ter") for part in ("seen", "unseen", "all")} <= set(parts)
    entries = {"entries": [{**test_set["entries"][0], **test_set["entries"][1]}]}  # all in one object, as some write it
    together = score("webnlg", {"one.json": json.dumps(entries)}, "--predictions", "h", "--references", "one.json")
    assert together == parts
    told = ("--predictions", "h", "--references", "refs", "--rules", "challenge_2017", "--extra-empty-item")
    with pytest.raises(UserError, match="extra_empty_item=true is what GenerationEval does; nearest: rules=lora"):
        score("webnlg", files, *told)
    trapped = score("webnlg", files, "--predictions", "h", "--references", "refs", "--extra-empty-item")
    assert trapped["ter"] == pytest.approx((2 * whole["ter"] + 1) / 3)


def entry_with(**fields) -> str:
    entry = {"category": "Food", "lexicalisations": [{"comment": "good", "lex": "a"}], **fields}
    return json.dumps({"entries": [{"1": entry}]})


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"refs/reference0": "a\n"}, "1 instance"),
        ({"refs/reference0": "a\nb\n", "refs/reference1": "a\n"}, "reference1 has 1 lines and reference0 2"),
        ({"refs/reference0": "a\n\n"}, "line 2: no reference"),
        ({"refs/other": "a\nb\n"}, "no file reference0"),
        ({"refs/reference0": "a\nb\n", "refs/reference2": "a\nb\n"}, "no file reference1 in it beside reference2"),
        ({"refs/reference1": "a\nb\n"}, "no file reference0 in it beside reference1"),
        ({"refs": '{"entries": [{"1": {"category": "Food"}}]}'}, "refs: entry 1 has no lexicalisations"),
        ({"refs": '{"entries": [{"1": {"lexicalisations": []}}]}'}, "refs: entry 1 has no category"),
        ({"refs": '{"entries": [5]}'}, "refs: entry 1 has no category"),
        ({"refs": '{"entries": null}'}, "refs: not a WebNLG test set in JSON, which is"),
        ({"refs": "{}"}, "refs: not a WebNLG test set in JSON, which is"),
        ({"refs": "[1]"}, "refs: not a WebNLG test set in JSON, which is"),
        ({"refs": entry_with(category=None)}, "refs: entry 1 has no text in category"),
        ({"refs": entry_with(lexicalisations=[{"lex": None}])}, "refs: entry 1 has no texts under lex"),
        ({"refs": entry_with(lexicalisations=[{"lex": 5}])}, "refs: entry 1 has no texts under lex"),
        ({"refs": entry_with(lexicalisations=[{"lex": "a", "comment": 5}])}, "entry 1 has a comment that is no text"),
        ({"refs": entry_with(lexicalisations=[{"lex": " "}])}, "1 of 1 instances have no usable reference"),
    ],
)
def test_webnlg_references_that_cannot_be_meant(score, files, message):
    with pytest.raises(UserError, match=message):
        score("webnlg", {"h": lines(*OUTPUTS), **files}, "--predictions", "h", "--references", "refs")


PROBLEM = {
    "task_id": "MBPP/1",
    "prompt": "def f(x):\n",
    "test": "def check(c):\n    assert c(3) == 3\n",
    "entry_point": "f",
}


def mbpp(score, samples, *options):
    files = {"s.jsonl": lines(*map(json.dumps, samples)), "p.jsonl": json.dumps(PROBLEM)}
    return score("mbpp", files, "--predictions", "s.jsonl", "--problems", "p.jsonl", *options)


def test_mbpp_estimates_pass_at_k_from_several_samples(score):
    samples = [
        {"task_id": "MBPP/1", key: text} for key, text in (("completion", " return x"), ("generated_code", " return 4"))
    ]
    assert mbpp(score, samples) == {"pass@1": 50}
    assert mbpp(score, samples, "--k", "1", "2") == {"pass@1": 50, "pass@2": 100}


@pytest.mark.parametrize(
    ("samples", "options", "message"),
    [
        ([{"task_id": "MBPP/7", "completion": ""}], [], "MBPP/7 is not in p.jsonl; nearest: MBPP/1"),
        ([{"task_id": "MBPP/1"}], [], "no text under completion"),
        ([{"completion": ""}], [], "line 1: no task_id"),
        ([{"task_id": "MBPP/1", "completion": ""}], ["--k", "5"], "score: k=5: pass@k needs"),
    ],
)
def test_mbpp_samples_that_cannot_be_meant(score, samples, options, message):
    with pytest.raises(UserError, match=message):
        mbpp(score, samples, *options)


def test_problems_without_a_row_are_refused(score):
    with pytest.raises(UserError, match=r"p\.jsonl: has no rows"):
        score("mbpp", {"s.jsonl": "{}\n", "p.jsonl": "\n\n"}, "--predictions", "s.jsonl", "--problems", "p.jsonl")


def cruxeval(score, generations, mode="output"):
    rows = [
        {"id": f"sample_{i}", "code": "def f(x):\n    return x", "input": str(i), "output": str(i)} for i in range(2)
    ]
    files = {"g.json": json.dumps(generations), "p.jsonl": lines(*map(json.dumps, rows))}
    return score("cruxeval", files, "--mode", mode, "--predictions", "g.json", "--problems", "p.jsonl")


def test_cruxeval_in_both_directions(score):
    assert cruxeval(score, {"sample_0": ["0", "1"], "sample_1": ["7"]}) == {"pass@1": 25}
    assert cruxeval(score, {"sample_0": ["f(0)"], "sample_1": ["f(7)"]}, "input") == {"pass@1": 50}
    assert set(cruxeval(score, {"sample_0": ["0"] * 5, "sample_1": ["1"] * 5})) == {"pass@1", "pass@5"}


def test_cruxeval_shows_where_the_official_harness_would_have_passed_more(score):
    scores = cruxeval(score, {"sample_0": ["3 or True"], "sample_1": ["1"]})
    assert scores == {"pass@1": 50, "official_pass@1": 100}


@pytest.mark.parametrize(
    ("generations", "message"),
    [
        ({"sample_0": ["0"]}, "no generation for 1 of 2 problems, the first is sample_1"),
        ([["0"], ["1"]], "not of the form"),
        ({"sample_0": "0", "sample_1": "1"}, "not of the form"),
        (
            {"sample_0": ["0"], "sample_1": ["1"], "sample_9": ["9"]},
            "g.json: sample_9 is not in p.jsonl; nearest: sample_",
        ),
    ],
)
def test_cruxeval_generations_that_cannot_be_meant(score, generations, message):
    with pytest.raises(UserError, match=message):
        cruxeval(score, generations)


def test_what_is_there_twice_is_named(score):
    files = {
        "s.jsonl": json.dumps({"task_id": "MBPP/1", "completion": ""}),
        "p.jsonl": lines(*[json.dumps(PROBLEM)] * 2),
    }
    with pytest.raises(UserError, match=r"p\.jsonl: task_id MBPP/1 is there twice"):
        score("mbpp", files, "--predictions", "s.jsonl", "--problems", "p.jsonl")
    row = json.dumps({"id": "sample_0", "code": "def f(x):\n    return x", "input": "1", "output": "1"})
    files = {"g.json": '{"sample_0": ["1"], "sample_0": ["2"]}', "p.jsonl": row}
    with pytest.raises(UserError, match="'sample_0' is there twice"):
        score("cruxeval", files, "--mode", "output", "--predictions", "g.json", "--problems", "p.jsonl")


@pytest.mark.parametrize("field", ["prompt", "test", "entry_point"])
def test_problems_whose_fields_are_no_texts_are_named(score, field):
    files = {
        "s.jsonl": json.dumps({"task_id": "MBPP/1", "completion": ""}),
        "p.jsonl": json.dumps(PROBLEM | {field: None}),
    }
    with pytest.raises(UserError, match=rf"p\.jsonl: task_id MBPP/1 has no text in {field}"):
        score("mbpp", files, "--predictions", "s.jsonl", "--problems", "p.jsonl")


@pytest.mark.parametrize("field", ["code", "input", "output"])
def test_problems_of_cruxeval_whose_fields_are_no_texts_are_named(score, field):
    row = {"id": "sample_0", "code": "def f(x):\n    return x", "input": "1", "output": "1", field: 1}
    files = {"g.json": json.dumps({"sample_0": ["1"]}), "p.jsonl": json.dumps(row)}
    with pytest.raises(UserError, match=rf"p\.jsonl: id sample_0 has no text in {field}"):
        score("cruxeval", files, "--mode", "output", "--predictions", "g.json", "--problems", "p.jsonl")


def test_references_without_a_word_have_no_nist(score, no_java):
    with pytest.raises(UserError, match="NIST: no reference has a word"):
        e2e(score, lines(OUTPUTS[0]), lines("<skipped>"))


def test_problems_without_tests_are_named(score):
    problem = {"task_id": "MBPP/1", "prompt": "def f(x):\n", "test": "assert f(1) == 1", "entry_point": "f"}
    files = {"s.jsonl": json.dumps({"task_id": "MBPP/1", "completion": "    return x"}), "p.jsonl": json.dumps(problem)}
    with pytest.raises(UserError, match=r"MBPP/1: test: no function check\(candidate\)"):
        score("mbpp", files, "--predictions", "s.jsonl", "--problems", "p.jsonl")


def glue(score, task, predictions, references, name="r.txt"):
    return score(
        "glue", {"p.txt": predictions, name: references}, "--task", task, "--predictions", "p.txt", "--references", name
    )


def test_glue_reports_f1_where_glue_does(score):
    assert glue(score, "mrpc", "1\n0\n1\n", "1\n1\n1\n") == pytest.approx(
        {"accuracy": 200 / 3, "f1": 80, "glue": 220 / 3}
    )
    assert glue(score, "sst2", "1\n0\n", "1\n1\n") == {"accuracy": 50, "glue": 50}
    assert glue(score, "mrpc", "0\n0\n", "1\n0\n")["f1"] == 0


def test_glue_reads_its_tables_and_both_spellings_of_labels(score):
    rows = '\ufeffindex\tsentence1\tsentence2\tlabel\r\n0\ta\tb "c\tentailment\r\n1\ta\tb\tnot_entailment\r\n'
    assert glue(score, "rte", "entailment\nentailment\n", rows, "r.tsv")["accuracy"] == 50
    assert glue(score, "rte", "0\n1\n", rows, "r.tsv")["accuracy"] == 100
    assert glue(score, "mrpc", "equivalent\n", "1\n")["accuracy"] == 100


@pytest.mark.parametrize(
    ("predictions", "message"),
    [
        ("yes\n1\n", "p.txt, row 1: 'yes' is no label of mrpc: 0, 1"),
        ("1\n", r"1 prediction\(s\)"),
        ("1\n\n1\n", "row 2: ''"),
    ],
)
def test_glue_labels_that_cannot_be_meant(score, predictions, message):
    with pytest.raises(UserError, match=message):
        glue(score, "mrpc", predictions, "1\n0\n")


@pytest.mark.parametrize("answers", ["predicted_label", "prediction"])
def test_glue_scores_the_answers_and_not_the_true_labels_beside_them(score, answers):
    row = {"label": "1", **({"prediction": " yes"} if answers == "predicted_label" else {}), answers: "0"}
    files = {"p.jsonl": lines(json.dumps(row), json.dumps({**row, answers: "1"})), "r.txt": "1\n1\n"}
    scores = score("glue", files, "task=mrpc", "predictions=p.jsonl", "references=r.txt")
    assert scores["accuracy"] == 50


def test_a_task_without_classes_of_its_own_cannot_be_scored(score):
    with pytest.raises(UserError, match="task=classify has no classes of its own"):
        glue(score, "classify", "1\n", "1\n")


def test_people_get_a_table_with_units(tmp_path, capsys, no_java):
    (tmp_path / "p").write_text(lines(*OUTPUTS), encoding="utf-8")
    (tmp_path / "r").write_text(GROUPED, encoding="utf-8")
    assert main(["e2e", "--predictions", str(tmp_path / "p"), "--references", str(tmp_path / "r")]) == 0
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("bleu", "%", "missing", "java"))


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["e2e", "--predictions", "nowhere", "--references", "r"], "nowhere: No such file"),
        (["e2f"], "score: benchmark=e2f is not one of e2e, .*; nearest: benchmark=e2e"),
        (["e2e", "--references", "r"], "score e2e: predictions is needed: give predictions=FILE"),
        (["mbpp", "--timeout", "-1"], "score mbpp: timeout=-1 must be above 0"),
        (["mbpp", "--timeout", "nan"], "score mbpp: timeout=nan is not a finite number"),
        (["mbpp", "timeout=1e400"], "score mbpp: timeout=1e400 is not a finite number"),
        (["cruxeval", "--workers", "0"], "score cruxeval: workers=0 must be at least 1"),
        ([], "score needs one of e2e, webnlg"),
    ],
)
def test_command_lines_that_cannot_be_meant(argv, message):
    with pytest.raises(UserError, match=message):
        main(argv)


def test_a_submission_to_glue_has_a_heading_where_the_tasks_own_files_have_none(tmp_path, monkeypatch, capsys):
    """CoLA's rows begin at once; what is submitted names its columns."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own" / "task").mkdir(parents=True)
    page = (Path(__file__).parents[2] / "docs/adding.md").read_text()
    (yaml,) = (block for block in page.split("```") if "name: cola\n" in block)
    (tmp_path / "own" / "task" / "cola.yaml").write_text(yaml.partition("\n")[2])
    files = {"p.tsv": "index\tprediction\n0\t1\n1\t0\n", "r.tsv": "a\t1\t\tFine.\nb\t1\t*\tNot it.\n"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    told = ["task=cola", "conf.path=own", "predictions=p.tsv", "references=r.tsv", "json=true"]
    assert lopa_bench(["score", "glue", *told]) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] == 50
