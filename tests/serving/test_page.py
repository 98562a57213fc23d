"""docs/serving.md: what is written there runs as it stands, on the embedded model."""

import re
from pathlib import Path

from lopa_bench.cli.main import main
from lopa_bench.config.compose import load_config
from lopa_bench.models.files import locate
from lopa_bench.run.story import run

PAGE = Path(__file__).parents[2] / "docs/serving.md"


def test_the_page_runs_as_written(tmp_path, monkeypatch, capsys):
    """The export's command with a run of its own, then the server's and the client's lines with the backbone's place put in."""
    page = PAGE.read_text(encoding="utf-8")
    (command,) = re.findall(r"^lopa-bench (export run=runs\S+ to=\S+)$", page, re.MULTILINE)
    server, client = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)[:2]
    config = load_config(["task=rte", "data.limit=16", "train.epochs=1", f"results_dir={tmp_path}"])
    finished = run(config).directory.path
    monkeypatch.chdir(tmp_path)
    words = [f"run={finished}" if word.startswith("run=") else word for word in command.split()]
    assert main(words) == 0
    assert words[-1].removeprefix("to=") in capsys.readouterr().out
    place = locate(config.model.path, None, offline=True).source
    *lines, last = client.strip().splitlines()
    known = {}
    exec("\n".join([server.replace("…", place), *lines, f"answer = {last}"]), known)
    assert known["answer"] in config.task.label_words.values()
    virtual = config.method.prompt_length
    assert known["client"].prompt(known["texts"]).shape == (1, virtual, 128)
    assert known["logits"].shape[:2] == (1, virtual + known["request"].input_ids.shape[1])
