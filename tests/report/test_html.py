"""The page: everything in it, nothing fetched, nothing unescaped."""

import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest
from synthetic import write_run

from lopa_bench.cli.report import main


class Balance(HTMLParser):
    """Every element that needs an end tag has one, in order."""

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        if tag not in {"meta", "img", "br", "link", "input"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def whole(whole_plan, tmp_path_factory):
    """The page of a run for every cell of the plan."""
    output = tmp_path_factory.mktemp("page") / "report.html"
    assert main(["html", "--results-dir", str(whole_plan), "--output", str(output)]) == 0
    return output


one_process = pytest.mark.xdist_group("page")  # drawing its figures takes long


@pytest.fixture
def page(tmp_path):
    def make(*arguments):
        output = tmp_path / "report.html"
        assert main(["html", "--results-dir", str(tmp_path), "--output", str(output), *arguments]) in (0, 2)
        return output.read_text(encoding="utf-8")

    return make


@one_process
def test_the_page_holds_tables_claims_figures_and_is_whole(whole):
    text = whole.read_text(encoding="utf-8")
    parser = Balance()
    parser.feed(text)
    assert parser.open == []
    assert parser.seen.count("table") > 20
    assert parser.seen.count("img") >= 3
    assert "another experiment than ours" in text
    assert "C10" in text


@one_process
def test_the_page_asks_nothing_of_the_network(whole):
    text = whole.read_text(encoding="utf-8")
    links = re.findall(r"""(?:src|href)="([^"]*)""", text)
    assert links
    assert all(link.startswith(("data:", "#")) for link in links)
    assert text.count("<script") == 1  # the page's own, in the page
    assert "fetch(" not in text
    assert "@import" not in text
    assert 'name="viewport"' in text


def test_names_from_files_are_escaped(tmp_path, page):
    write_run(tmp_path, "rte", "lopa")
    bad = tmp_path / "mini" / "<script>alert(1)</script>" / "result.json"
    bad.parent.mkdir(parents=True)
    bad.write_text("{")
    assert "<script>alert" not in page()


def test_fast_is_said_on_the_page(tmp_path, page):
    write_run(tmp_path, "rte", "lopa", settings={"data.limit": 60, "train.epochs": 2})
    text = page("--fast")
    assert "FAST: 60 rows per split, 2 epochs, one seed" in text
    assert "<title>lopa-bench, scale mini, FAST" in text


def test_an_empty_directory_gives_a_page_of_gaps(tmp_path, page):
    (tmp_path / "mini").mkdir()
    assert "Missing cells" in page()


BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PROBE = """<iframe id=page src=report.html style="width:390px;height:800px"></iframe><pre id=found></pre><script>
page.onload = () => {
  const inner = page.contentDocument, search = inner.querySelector("input[type=search]");
  search.value = "rte lopa_add";
  search.dispatchEvent(new Event("input"));
  inner.querySelector("table.runs th").click();
  const left = [...inner.querySelectorAll("table.runs tbody tr")].filter(row => !row.hidden);
  found.textContent = `wide ${inner.documentElement.scrollWidth}, runs ${left.length}, ${inner.querySelector("output").textContent}`;
};</script>"""


@pytest.mark.skipif(BROWSER is None, reason="needs chromium or google-chrome on the PATH")
@pytest.mark.slow
@one_process
def test_a_browser_shows_it_on_a_phone_without_errors(whole, tmp_path):
    """390 pixels wide nothing overflows, the list of runs can be filtered, and the console stays empty."""
    shutil.copy(whole, tmp_path)
    (tmp_path / "probe.html").write_text(PROBE)
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files", "--enable-logging=stderr"]
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    profile = [f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=5000", "--dump-dom"]
    command = [BROWSER, *flags, *quiet, *profile, (tmp_path / "probe.html").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r"wide (\d+), runs (\d+), (\d+) of (\d+) settings", done.stdout)
    assert found, done.stderr
    wide, left, counted, rows = map(int, found.groups())
    assert wide <= 390
    assert left == counted == 2  # the encoder frozen, and trained
    assert rows > 100
    assert "CONSOLE" not in done.stderr
