"""Figures: their numbers by hand, and a file for each when there are runs."""

import re
import shutil

import numpy as np
import pytest
from synthetic import write_run

from lopa_bench.cli.report import main
from lopa_bench.report.figures import convergence, draw, offsets
from lopa_bench.report.figures.offsets import cosines, effective_rank, principal
from lopa_bench.report.figures.parameters import Point, pareto_front
from lopa_bench.results.history import read_history
from lopa_bench.results.prompts import NAME, load_prompts, pack_prompts
from lopa_bench.results.read import read_runs
from lopa_bench.study import plan
from lopa_bench.study.spec import SCALES
from lopa_bench.study.tables import tables


def write_prompts(folder, *arrays):
    (folder / NAME).write_bytes(pack_prompts(*arrays))


def made(count=40, tokens=6, width=20, rank=2):
    random = np.random.default_rng(0)
    shapes = (tokens, width), (count, tokens, rank), (count, width, rank)
    return [random.standard_normal(shape) for shape in shapes]


def test_prompts_come_back_as_the_product_of_their_factors(tmp_path):
    z_s, u, v = made()
    write_prompts(tmp_path, z_s, u, v, [" Yes", " No"] * 20)
    prompts = load_prompts(tmp_path)
    assert prompts.z_i == pytest.approx(np.einsum("nmr,ndr->nmd", u, v), abs=0.02)
    assert prompts.rank == 2
    assert np.linalg.matrix_rank(prompts.z_i[0], tol=1e-4) == 2


def test_prompts_that_do_not_fit_are_not_written_and_damaged_ones_not_read(tmp_path):
    z_s, u, v = made()
    with pytest.raises(ValueError, match="shapes do not fit"):
        pack_prompts(z_s, u, v[:-1], [" Yes"] * 40)
    assert load_prompts(tmp_path) is None
    (tmp_path / "prompts.npz").write_bytes(b"PK\x03\x04 torn")
    assert load_prompts(tmp_path) is None


def test_effective_rank_of_equal_values_is_their_number():
    assert effective_rank(np.ones(5)) == pytest.approx(5)
    assert effective_rank(np.array([3.0, 0.0, 0.0])) == pytest.approx(1)
    assert effective_rank(np.zeros(3)) == 0


def test_offsets_in_a_plane_have_two_components():
    random = np.random.default_rng(1)
    plane = random.standard_normal((2, 6 * 20))
    offsets = (random.standard_normal((50, 2)) @ plane).reshape(50, 6, 20)
    coordinates, values = principal(offsets)
    assert (values[2:] < 1e-8 * values[0]).all()
    centred = offsets.reshape(50, -1) - offsets.reshape(50, -1).mean(0)
    assert np.linalg.norm(coordinates) == pytest.approx(np.linalg.norm(centred))


def test_an_open_gate_does_not_turn_the_prompt(tmp_path):
    z_s, u, v = made()
    write_prompts(tmp_path, z_s, 0 * u, v, [" Yes"] * 40)  # Z_I = 0: every gate is one half
    assert cosines(load_prompts(tmp_path)) == pytest.approx(1.0, abs=1e-3)


def test_pareto_front_by_hand():
    points = [(10, 60), (20, 80), (20, 70), (30, 75), (40, 81), (5, 50), (50, 81)]
    front = pareto_front(Point("", *point) for point in points)
    assert [(point.parameters, point.score) for point in front] == [(5, 50), (10, 60), (20, 80), (40, 81)]


@pytest.fixture
def figures(tmp_path, capsys):
    """Writes the figures of the runs made so far; their names."""

    def write():
        assert main(["figures", "--results-dir", str(tmp_path)]) == 0
        capsys.readouterr()
        return sorted(path.name for path in (tmp_path / "figures").iterdir())

    return write


def test_every_figure_is_written_as_png_and_svg(whole_plan, tmp_path, figures):
    shutil.copytree(whole_plan / "mini", tmp_path / "mini")
    for folder in (tmp_path / "mini" / "rte").glob("*/lopa/*"):
        write_prompts(folder, *made(rank=4), [" Yes", " No"] * 20)
    for folder in (tmp_path / "mini" / "qqp").glob("*/lopa/*"):
        (folder / "history.csv").write_text("step,epoch,loss,lr,glue\n10,1,0.7,0.1,\n20,1,0.5,0.1,60\n")
    names = ("convergence", "length", "mechanism", "offsets", "parameters", "rank")
    assert figures() == sorted(f"{name}.{kind}" for name in names for kind in ("png", "svg"))


def test_without_runs_there_are_no_figures_and_no_crash(tmp_path, capsys):
    (tmp_path / "mini").mkdir()
    assert main(["figures", "--results-dir", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("no figure: ")


def test_one_run_is_nothing_to_compare(tmp_path, capsys):
    write_run(tmp_path, "rte", "lopa")
    assert main(["figures", "--results-dir", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("no figure: ")


@pytest.mark.parametrize("scale", SCALES)
def test_a_scale_without_a_table_has_the_other_figures(tmp_path, scale):
    """No scale has all of the study's tables."""
    cells = plan.planned_runs(tables(scale, ["glue"]), scale)
    for cell in [cell for cell in cells if cell.task == "sst2"]:
        settings = {key: value for key, value in cell.overrides.items() if key not in ("task", "method", "scale")}
        write_run(tmp_path, "sst2", cell.method, scale=scale, metrics={"glue": 80.0}, settings=settings)
    drawn = {drawing.name for drawing in draw(read_runs(tmp_path, scale), scale)}
    assert "parameters" in drawn


def test_two_ranks_draw_no_third(tmp_path, figures):
    for rank in (1, 4):
        write_run(tmp_path, "rte", "lopa", settings={"method.rank": rank})
    assert figures() == ["rank.png", "rank.svg"]
    drawn = (tmp_path / "figures" / "rank.svg").read_text(encoding="utf-8")
    below_the_axis = re.findall(r">(\d+)</text>", drawn)
    assert below_the_axis.count("1") == below_the_axis.count("4") == 1
    assert "2" not in below_the_axis
    assert ">0.0<" not in drawn


def test_panels_of_one_kind_have_one_axis_that_holds_all(tmp_path, monkeypatch):
    """Every task's curves of the offsets end inside their panel."""
    for place, task in enumerate(("rte", "mrpc")):
        z_s, u, v = made(rank=4)
        write_prompts(write_run(tmp_path, task, "lopa"), z_s, (1 + 3 * place) * u, v, [" Yes", " No"] * 20)
    panels = offsets.figure(read_runs(tmp_path, "mini"), "mini").axes
    above, below = panels[2], panels[8]
    assert above.get_ylim() == below.get_ylim()
    assert all(line.get_ydata().max() < axes.get_ylim()[1] for axes in (above, below) for line in axes.lines)


def test_a_band_is_drawn_where_all_of_its_seeds_were_evaluated(tmp_path):
    """With one seed's evaluations within the epoch the mean would zigzag between it and all."""
    for seed, lines in enumerate(("10,1,0.7,,\n20,1,0.5,,60\n", "10,1,0.9,,40\n20,1,0.7,,70\n")):
        (write_run(tmp_path, "qqp", "lopa", seed) / "history.csv").write_text(f"step,epoch,loss,lr,glue\n{lines}")
    loss, score = (panel.lines[0] for panel in convergence.figure(read_runs(tmp_path, "mini"), "mini").axes)
    assert loss.get_xydata().tolist() == pytest.approx(np.array([[10, 0.8], [20, 0.6]]))
    assert score.get_xydata().tolist() == [[20, 65]]


def test_a_figure_is_the_same_file_twice(tmp_path, figures):
    for rank in (1, 4):
        write_run(tmp_path, "rte", "lopa", settings={"method.rank": rank})
    figures()
    first = (tmp_path / "figures" / "rank.svg").read_bytes()
    figures()
    assert (tmp_path / "figures" / "rank.svg").read_bytes() == first


@pytest.mark.parametrize("text", ["step,epoch,loss,glue\n10,1,0.7,oops\n", "step,epoch\n1,1\n", "\x00", ""])
def test_a_damaged_history_is_none(tmp_path, text):
    folder = write_run(tmp_path, "rte", "lopa", 0)
    (folder / "history.csv").write_text(text)
    assert read_history(folder / "result.json") is None


def test_damaged_prompts_are_none(tmp_path):
    (tmp_path / "prompts.npz").write_bytes(b"")
    assert load_prompts(tmp_path) is None
