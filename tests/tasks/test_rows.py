"""One reading path for mini, files and hub."""

import json
import re

import pytest

from lopa_bench.config.compose import load_config
from lopa_bench.errors import UserError
from lopa_bench.tasks.rows import Records, load_records, named_fields, read_rows
from lopa_bench.tasks.sources import _with_label_names
from lopa_bench.tasks.tables import Broken, marked, numbered, read_table


def write(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_a_csv_without_a_header_is_divided_by_what_divides_all_rows_alike(tmp_path, sign):
    path = write(tmp_path, "a.csv", f"one{sign}1\ntwo{sign}2\n")
    assert read_table(path, header=False) == [{"0": "one", "1": "1"}, {"0": "two", "1": "2"}]
    text = write(tmp_path, "b.csv", 'one\n"two, three"\n')
    assert read_table(text, header=False) == [{"0": "one"}, {"0": "two, three"}]


def test_tsv_is_read_without_quoting_and_without_the_mark(tmp_path):
    path = write(tmp_path, "a.tsv", '\ufeffid\ttext\r\n1\t"open quote\r\n2\tline\u2028separator\n')
    assert read_rows(path) == [{"id": "1", "text": '"open quote'}, {"id": "2", "text": "line\u2028separator"}]


def test_csv_keeps_quoted_line_ends(tmp_path):
    path = write(tmp_path, "a.csv", 'mr,ref\n"a, b","first\nsecond"\n')
    assert read_rows(path) == [{"mr": "a, b", "ref": "first\nsecond"}]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ('"a, b",first, second\n', r"a\.csv:2: 3 columns, the header has 2; a comma inside a text needs quotes"),
        ("a, b,first\n", r"a\.csv:2: 3 columns"),
        ("a,b\nc\n", r"a\.csv:3: 1 columns, the header has 2"),
        ('a,"open\nb,c\n', r"a\.csv:3: not CSV"),
        ('a,"closed" too early\n', r"a\.csv:2: not CSV"),
    ],
)
def test_csv_that_says_something_else_than_it_should(tmp_path, rows, says):
    with pytest.raises(UserError, match=says):
        read_rows(write(tmp_path, "a.csv", "mr,ref\n" + rows))


def test_a_header_with_a_name_twice_is_refused(tmp_path):
    for name, mark in (("a.csv", ","), ("a.tsv", "\t")):
        with pytest.raises(UserError, match="two columns 'x'"):
            read_rows(write(tmp_path, name, f"x{mark}y{mark}x\n1{mark}2{mark}3\n"))


def test_bad_rows_are_named(tmp_path):
    with pytest.raises(UserError, match=r"a\.tsv:3: 1 columns, the header has 2"):
        read_rows(write(tmp_path, "a.tsv", "x\ty\n1\t2\n3\n"))
    with pytest.raises(UserError, match="not JSON"):
        read_rows(write(tmp_path, "a.jsonl", "{"))
    (tmp_path / "b.tsv").write_bytes(b"x\n\xff\n")
    with pytest.raises(UserError, match="byte 2 is not UTF-8"):
        read_rows(tmp_path / "b.tsv")


def test_a_few_broken_rows_of_a_large_table_are_left_out_and_told(tmp_path, capsys):
    """The QQP training file that GLUE hands out has some; no more than a thousandth is taken for that."""
    lines = [f"{n}\t{n}" for n in range(1000)]
    path = write(tmp_path, "a.tsv", "\n".join(["x\ty", *lines[:500], "cut off", *lines[500:]]))
    assert len(read_rows(path)) == 1000
    assert "1 of 1001 rows have too few columns and are left out, the first is line 502" in capsys.readouterr().err
    with pytest.raises(UserError, match=r"a\.tsv:3: 1 columns"):
        read_rows(write(tmp_path, "a.tsv", "\n".join(["x\ty", lines[0], "cut", "off", *lines[1:]])))


@pytest.mark.parametrize("text", ["[1, 2]", '{"a": 1}', "3"])
def test_json_that_is_no_rows(tmp_path, text):
    with pytest.raises(UserError, match="not a list of rows"):
        read_rows(write(tmp_path, "a.json", text))
    with pytest.raises(UserError, match="not a list of rows"):
        read_rows(write(tmp_path, "a.jsonl", "{}\n[]\n"))


def test_a_row_without_a_value_is_named(tmp_path):
    for name in ("train", "dev"):
        write(tmp_path, f"glue/QNLI/{name}.tsv", "")
    with pytest.raises(UserError, match="the train split has no rows"):
        qnli(tmp_path)
    rows = [
        {"question": "q", "sentence": "s", "label": "entailment"},
        {"question": None, "sentence": "s", "label": "entailment"},
    ]
    task = load_config(["task=qnli"]).task
    for broken in (
        rows,
        [rows[0], {"question": "q", "sentence": "s"}],
        [{"question": "q", "sentence": "s"}, rows[0]][::-1],
    ):
        first, second = named_fields(task, "test split", numbered(broken)).values()
        assert first == rows[0]
        assert re.fullmatch(r"task=qnli: row 2 of the test split has no (question|label)", second.message)


def test_rows_without_a_value_are_left_out_where_broken_ones_are(tmp_path, capsys):
    """Whether the file has nothing, null or no such key there; the way out is told."""
    whole = {"question": "q", "sentence": "s", "label": "entailment"}
    broken = [whole, {**whole, "question": None}, {"question": "q", "sentence": "s"}, whole]
    data = {"train": [{**whole, "sentence": f"s{i}"} for i in range(10)], "dev": broken}
    for name, rows in data.items():
        write(tmp_path, f"{name}.jsonl", "\n".join(map(json.dumps, rows)))
    told = ["task=qnli", "method=none", f"data.train={tmp_path}/train.jsonl", f"data.test={tmp_path}/dev.jsonl"]
    config = load_config(told)
    with pytest.raises(
        UserError, match=r"row 2 of the test split \(dev.jsonl\) has no question \(2 of 4 rows.*data\.skip_broken=true"
    ):
        load_records(config.task, config.data, offline=True)
    config = load_config([*told, "data.skip_broken=true"])
    assert len(load_records(config.task, config.data, offline=True).test) == 2
    assert (
        "2 of 4 rows have no question or other faults and are left out, the first is row 2" in capsys.readouterr().err
    )


def test_rows_of_the_hub_without_a_label_are_not_of_the_last_class():
    """There -1 says that there is none, as in the test splits of GLUE."""
    import datasets

    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["no", "yes"])})
    rows = datasets.Dataset.from_dict({"text": ["a", "b", "c"], "label": [1, -1, None]}, features=features)
    assert [row["label"] for row in _with_label_names(rows)] == ["yes", None, None]


def test_a_broken_row_does_not_move_the_numbers_of_those_behind_it(tmp_path):
    lines = ["question\tsentence\tlabel", *["q\ts\tentailment"] * 9]
    lines[5], lines[9] = "cut off", "q\ts\tperhaps"
    task = load_config(["task=qnli"]).task
    read = named_fields(task, "test split", numbered(read_table(write(tmp_path, "a.tsv", "\n".join(lines)))))
    places = [row.place for row in marked(read, task.fault, "").values() if isinstance(row, Broken)]
    assert places == ["line 6", "row 9"]


def test_a_blank_line_among_rows_of_one_column_may_be_a_text(tmp_path):
    """Passed over, it would move the numbers of all answers behind it."""
    for name in ("a.tsv", "a.csv"):
        first, blank, third = read_table(write(tmp_path, name, "\nt\nfirst\n\nthird\n\n\n"))
        assert (first, third) == ({"t": "first"}, {"t": "third"})
        assert blank.message == f"{tmp_path / name}:4: is blank among rows of one column; take it out"
        assert len(read_table(write(tmp_path, name, "t,u\tv\n\n1,2\t3\n"))) == 1


def test_rows_on_lines_in_a_json_file_are_told_their_name(tmp_path):
    with pytest.raises(UserError, match=r"a\.json: not JSON .*; a file with a row on each line is called \.jsonl$"):
        read_rows(write(tmp_path, "a.json", '{"t": 1}\n{"t": 2}\n'))
    with pytest.raises(UserError, match=r"a\.json: not JSON \([^;]*$"):
        read_rows(write(tmp_path, "a.json", "[1,\n2,,]"))


def test_a_cell_may_be_long(tmp_path):
    text = "a b " * 50_000
    assert read_rows(write(tmp_path, "a.csv", f"t,y\n{text},1\n")) == [{"t": text, "y": "1"}]


def test_one_row_cannot_be_divided():
    with pytest.raises(UserError, match=r"selection=holdout: 1 training row leaves none.*selection=last"):
        Records([{"a": 1}], None, [{"a": 1}], {}).with_holdout()


def test_labels_may_be_numbers():
    task = load_config(["task=mrpc"]).task
    (example,) = task.examples([{"sentence1": "a", "sentence2": "b", "label": 1}])
    assert example.target == " Yes"


def qnli(folder, *more):
    config = load_config(["task=qnli", "model=roberta_large", "data.source=files", f"data.dir={folder}", *more])
    return load_records(config.task, config.data, offline=True)


def test_the_first_existing_file_and_column_is_taken(tmp_path):
    rows = [{"idx": i, "text_a": f"q{i}", "text_b": "s", "label": "entailment"} for i in range(30)]
    write(tmp_path, "glue/QNLI/subset_train.jsonl", "".join(json.dumps(r) + "\n" for r in rows))
    write(tmp_path, "glue/QNLI/dev.tsv", "index\tquestion\tsentence\tlabel\n0\tq\ts\tnot_entailment\n")
    records = qnli(tmp_path)
    assert records.files == {"train": "glue/QNLI/subset_train.jsonl", "test": "glue/QNLI/dev.tsv"}
    assert records.train[3] == {"question": "q3", "sentence": "s", "label": "entailment"}
    assert records.test == [{"question": "q", "sentence": "s", "label": "not_entailment"}]
    assert len(qnli(tmp_path, "data.limit=7").train) == 7
    spaced = qnli(tmp_path, "data.train_limit=3")
    assert [record["question"] for record in spaced.train] == ["q0", "q10", "q20"]
    assert len(spaced.test) == 1
    assert len(qnli(tmp_path, "data.train_limit=99").train) == 30
    write(tmp_path, "glue/QNLI/train.tsv", "index\tquestion\tsentence\tlabel\n0\tq\ts\tentailment\n")
    assert qnli(tmp_path).files["train"] == "glue/QNLI/train.tsv"


def damaged(folder, split, bad):
    """RTE whose one split has a damaged row among 1,200."""
    header = "index\tsentence1\tsentence2\tlabel\n"
    for name in ("train", "dev"):
        lines = [f"{n}\ta{n}\tb\tentailment" for n in range(1200)]
        if name == split:
            lines[7] = bad
        write(folder, f"glue/RTE/{name}.tsv", header + "\n".join(lines) + "\n")
    return ["task=rte", "model=roberta_large", "data.source=files", f"data.dir={folder}"]


def loaded(overrides):
    config = load_config(overrides)
    return load_records(config.task, config.data, offline=True)


@pytest.mark.parametrize(("bad", "what"), [("7\tbroken", "too few"), ("7\ta\tb\tc\tentailment", "too many")])
def test_no_row_of_the_reported_split_is_left_out_unasked(tmp_path, bad, what, capsys):
    overrides = damaged(tmp_path, "dev", bad)
    with pytest.raises(UserError, match=r"dev\.tsv:9: [25] columns, the header has 4; .*data\.skip_broken=true"):
        loaded(overrides)
    records = loaded([*overrides, "data.skip_broken=true"])
    assert [len(records.train), len(records.test)] == [1200, 1199]
    assert records.left_out == {"test": 1}
    assert (
        f"test split: 1 of 1200 rows have {what} columns and are left out, the first is line 9"
        in capsys.readouterr().err
    )
    records = loaded(damaged(tmp_path, "train", bad))  # as in QQP's training file
    assert [len(records.train), len(records.test)] == [1199, 1200]
    assert records.left_out == {"train": 1}
    loaded([*overrides, "data.limit=7"])  # it is not among the rows that are asked for


def test_a_row_left_out_moves_no_other_into_its_split(tmp_path):
    rows = [json.dumps({"id": f"sample_{i}", "code": "", "input": "", "output": ""}) for i in range(402)]
    rows[3] = json.dumps({"id": "sample_3", "code": ["no text"], "input": "", "output": ""})
    write(tmp_path, "cruxeval/cruxeval.jsonl", "\n".join(rows))
    overrides = ["task=cruxeval_o", "method=none", "data.source=files", f"data.dir={tmp_path}"]
    with pytest.raises(UserError, match="train split: row 4 has no text in code"):
        loaded(overrides)
    records = loaded([*overrides, "data.skip_broken=true"])
    assert [len(records.train), len(records.test)] == [399, 2]
    assert records.test[0]["id"] == "sample_400"


def webnlg(folder, test, *more):
    def entry(number, comment):
        text = {"lex": f"S{number} p o."} if comment is None else {"lex": f"S{number} p o.", "comment": comment}
        triple = {"subject": f"S{number}", "property": "p", "object": "o"}
        return {str(number): {"category": "Airport", "modifiedtripleset": [triple], "lexicalisations": [text]}}

    for name, comments in (("train", ["good"] * 9 + ["toFix"]), ("test", test)):
        entries = [entry(number, comment) for number, comment in enumerate(comments)]
        write(folder, f"webnlg/{name}.json", json.dumps({"entries": entries}))
    overrides = ["task=webnlg", "method=none", "data.source=files", f"data.dir={folder}", *more]
    return load_config(overrides).task.evaluation_examples(loaded(overrides).test), loaded(overrides).left_out


@pytest.mark.parametrize("comments", [["good", ""], ["", ""], [None, None], ["Good", "good "]])
def test_texts_that_nobody_marked_bad_count(tmp_path, comments):
    examples, left_out = webnlg(tmp_path, comments)
    assert [example.record["references"] for example in examples] == [["S0 p o."], ["S1 p o."]]
    assert left_out == {"train": 1}  # LoRA's pipeline has no such entry either


@pytest.mark.parametrize("bad", ["bad", "toFix"])
def test_entries_without_a_usable_text_are_counted_and_named(tmp_path, bad, capsys):
    with pytest.raises(
        UserError, match=r"task=webnlg, test split: row 2 has no text that is not blank or marked as bad"
    ):
        webnlg(tmp_path, ["good", bad])
    examples, left_out = webnlg(tmp_path, ["good", bad, bad], "data.skip_broken=true")
    assert len(examples) == 1
    assert left_out == {"train": 1, "test": 2}
    assert "test split: 2 of 3 rows have no text that is not blank or marked as bad" in capsys.readouterr().err
    with pytest.raises(UserError, match="none of the 1 rows of the test split can be used"):
        webnlg(tmp_path, [bad], "data.skip_broken=true")


def test_missing_column_is_named_with_those_there(tmp_path):
    for name in ("train", "dev"):
        write(tmp_path, f"glue/QNLI/{name}.tsv", "index\tquestion\tlabel\n0\tq\tentailment\n")
    with pytest.raises(UserError, match="no column sentence or text_b; it has index, question, label"):
        qnli(tmp_path)


def test_holdout_is_a_tenth_of_train_the_same_every_time():
    rows = [{"x": i} for i in range(100)]
    records = Records(rows, None, [], {})
    first, second = records.with_holdout(), records.with_holdout()
    assert first == second
    assert len(first.validation) == 10
    assert sorted(r["x"] for r in first.train + first.validation) == list(range(100))
    own = Records(rows, rows[:3], [], {})
    assert own.with_holdout() is own


def test_a_row_of_a_part_is_called_by_its_place_in_the_file(tmp_path, capsys):
    """Those of data.test=rows.csv[4:] were numbered from 1."""
    lines = ["q,a", *(f"{i},{i}" for i in range(1, 9)), "9,", "1,1"]
    write(tmp_path, "rows.csv", "\n".join(lines))
    words = [
        "task=write",
        "task.input='{q} ?'",
        "task.target='{a}'",
        f"data.dir={tmp_path}",
        "data.train='rows.csv[:4]'",
    ]

    def load(*more):
        config = load_config([*words, *more])
        return load_records(config.task, config.data, offline=True)

    with pytest.raises(UserError, match="row 9 has nothing in a"):
        load("data.test='rows.csv[4:]'")
    load("data.test='rows.csv[6:]'", "data.skip_broken=true")
    told = capsys.readouterr().err
    assert "1 of 4 rows have nothing in a and are left out, the first is row 9" in told
    assert "1 of 3 rows of data.test=rows.csv[6:] are in data.train=rows.csv[:4], too; the first is row 10" in told
    with pytest.raises(UserError, match="row 9 has nothing in a"):
        load("data.train='rows.csv[4:]'", "data.train_limit=3", "data.test='rows.csv[:4]'")


def test_rows_of_one_input_are_held_out_together():
    task = load_config(["task=write", "task.input='{q} ?'", "task.target='{a}'", "data.train=t", "data.test=t"]).task
    rows = [{"q": f"{i // 4}", "a": str(i)} for i in range(100)]
    parted = Records(rows, None, [], {}).with_holdout(task.input_of)
    held = {row["q"] for row in parted.validation}
    assert len(held) == 2  # a tenth of 25 inputs
    assert len(parted.validation) == 8
    assert not held & {row["q"] for row in parted.train}
    assert len(parted.train) == 92
    single = [{"q": f"{i}", "a": "x"} for i in range(100)]
    alone = Records(single, None, [], {})
    assert alone.with_holdout(task.input_of) == alone.with_holdout()
    with pytest.raises(
        UserError, match="1 input in all training rows leaves none to train on; nearest: selection=last"
    ):
        Records(rows[:4], None, [], {}).with_holdout(task.input_of)


def test_a_file_can_hold_several_splits(tmp_path):
    rows = [json.dumps({"id": f"sample_{i}", "code": "", "input": "", "output": ""}) for i in range(402)]
    write(tmp_path, "cruxeval/cruxeval.jsonl", "\n".join(rows))
    config = load_config(["task=cruxeval_o", "method=none", "data.source=files", f"data.dir={tmp_path}"])
    records = load_records(config.task, config.data, offline=True)
    assert [len(records.train), len(records.test)] == [400, 2]
    assert records.test[0]["id"] == "sample_400"
    assert records.files == {"train": "cruxeval/cruxeval.jsonl", "test": "cruxeval/cruxeval.jsonl"}


def test_webnlg_entries_are_rows(tmp_path):
    path = write(tmp_path, "a.json", '{"entries": [{"1": {"category": "City"}}, {"2": {"category": "Food"}}]}')
    assert read_rows(path) == [{"category": "City"}, {"category": "Food"}]
    assert read_rows(write(tmp_path, "b.json", '[{"a": 1}]')) == [{"a": 1}]


def test_columns_without_names_are_called_by_their_position(tmp_path):
    """CoLA's files begin with a row."""
    path = write(tmp_path, "a.tsv", "gj04\t1\t\tOur friends \"won't buy\ngj04\t0\t*\tThey it.\n")
    assert read_rows(path, header=False) == [
        {"0": "gj04", "1": "1", "2": "", "3": "Our friends \"won't buy"},
        {"0": "gj04", "1": "0", "2": "*", "3": "They it."},
    ]
    table = write(tmp_path, "a.csv", '"a, b",1\n"c",0\n')
    assert read_rows(table, header=False) == [{"0": "a, b", "1": "1"}, {"0": "c", "1": "0"}]
    with pytest.raises(UserError, match=r"b\.tsv:2: 1 columns, the first row has 2"):
        read_rows(write(tmp_path, "b.tsv", "x\ty\n1\n"), header=False)
