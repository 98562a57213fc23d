"""A meaning representation of E2E is the same in every notation; what is in none is refused."""

import pytest

from lopa_bench.config.compose import load_config
from lopa_bench.errors import UserError
from lopa_bench.tasks.meaning import meaning
from lopa_bench.tasks.rows import load_records

EAGLE = [("name", "The Eagle"), ("eatType", "pub"), ("priceRange", "£20-25"), ("near", "Café Rouge")]
SAME = [
    "name[The Eagle], eatType[pub], priceRange[£20-25], near[Café Rouge]",
    "name[The Eagle],eatType[pub],priceRange[£20-25],near[Café Rouge]",
    "name[The Eagle] | eatType[pub] | priceRange[£20-25] | near[Café Rouge]",
    "inform(name[The Eagle], eatType[pub], priceRange[£20-25], near[Café Rouge])",
    "name : The Eagle | eatType : pub | priceRange : £20-25 | near : Café Rouge",
    "name: The Eagle, eatType: pub, priceRange: £20-25, near: Café Rouge",
    "name = The Eagle, eatType = pub, priceRange = £20-25, near = Café Rouge",
    "name=The Eagle; eatType=pub; priceRange=£20-25; near=Café Rouge",
    "inform(name=The Eagle;eatType=pub;priceRange=£20-25;near=Café Rouge)",
    "inform(name='The Eagle', eatType='pub', priceRange='£20-25', near=\"Café Rouge\")",
    "name : The Eagle\neatType : pub\npriceRange : £20-25\nnear : Café Rouge",
]
NONE = [
    "Aromi is Thai",
    "",
    "name",
    "name[The Eagle] a pub",
    "name[The Eagle], ",
    "name[], eatType[pub]",
    "name[a[b]]",
    "name[The Eagle",
    "name : The Eagle eatType : pub",  # where one ends and the next begins is a guess
    "inform(name=The Eagle;eatType)",
    "name = The Eagle = a pub",
    "name(The Eagle), eatType(pub)",
]


@pytest.mark.parametrize("text", SAME)
def test_every_notation_is_the_same_input(text):
    assert meaning(text) == EAGLE
    table = load_config(["task=e2e", "method=none"]).task.table({"mr": text})
    assert table == "name : The Eagle | Type : pub | price : £ 20 - 25 | near : Café Rouge"
    assert load_config(["task=e2e", "method=none"]).task.table({"mr": table}) == table  # LoRA's files stay as they are


def test_a_value_may_hold_commas():
    assert meaning("name = Aromi, the old one, food = Thai") == [("name", "Aromi, the old one"), ("food", "Thai")]
    assert meaning("name[Aromi, the old one], food[Thai]") == [("name", "Aromi, the old one"), ("food", "Thai")]


@pytest.mark.parametrize("text", NONE)
def test_what_is_in_no_notation_is_refused(text):
    with pytest.raises(ValueError, match="not in a notation that is known"):
        meaning(text)


def records(folder, test, *more):
    (folder / "e2e").mkdir(exist_ok=True)
    (folder / "e2e/trainset.csv").write_text("mr,ref\n" + '"name[Aromi]",Aromi is there.\n' * 4)
    (folder / "e2e/testset_w_refs.csv").write_text("mr,ref\n" + "".join(f'"{mr}",{ref}\n' for mr, ref in test))
    config = load_config(["task=e2e", "method=none", "data.source=files", f"data.dir={folder}", *more])
    read = load_records(config.task, config.data, offline=True)
    return config.task.evaluation_examples(read.test), read.left_out


@pytest.mark.parametrize("mrs", [("name : Eagle", "name : Aromi"), ("inform(name=Eagle)", "inform(name=Aromi)")])
def test_as_many_examples_as_meanings(tmp_path, mrs):
    examples, left_out = records(tmp_path, zip(mrs * 2, ("A.", "B.", "C.", "D."), strict=True))
    assert [example.record["references"] for example in examples] == [["A.", "C."], ["B.", "D."]]
    assert left_out == {}


def test_one_unreadable_row_of_the_reported_split_is_an_error(tmp_path):
    rows = [("name[Eagle]", "A pub."), ("Aromi is Thai", "Thai."), ("name[Aromi]", "Thai.")]
    with pytest.raises(
        UserError, match=r"task=e2e, test split: row 2 has no meaning representation: 'Aromi is Thai'.*skip_broken"
    ):
        records(tmp_path, rows)
    examples, left_out = records(tmp_path, rows, "data.skip_broken=true")
    assert len(examples) == 2
    assert left_out == {"test": 1}
