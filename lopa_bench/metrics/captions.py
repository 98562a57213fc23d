"""METEOR 1.5, ROUGE-L and CIDEr as the E2E challenge computes them, with the code of MS COCO.

All three read text through the Penn Treebank tokeniser of Stanford CoreNLP, and METEOR itself is
a Java program, so none of them exists without Java. pycocoevalcap ships both jars and agrees with
the challenge's scorer (https://github.com/tuetschek/e2e-metrics) to six decimals.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from lopa_bench.errors import RunFailed, UserError
from lopa_bench.metrics import paraphrases

METRICS = ("meteor", "rouge_l", "cider")
BRACKETS = "-lrb- -rrb- -lsb- -rsb- -lcb- -rcb-"  # as the tokeniser writes them
GET_JAVA = "needs a Java runtime: put `java` on the PATH (Debian: apt install default-jre-headless)"


def java_available() -> bool:
    """Whether a `java` command is on the PATH."""
    return shutil.which("java") is not None


def score(outputs: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float]:
    """METEOR and ROUGE-L in percent, and CIDEr, of a corpus.

    Args:
        outputs: one text per instance.
        references: at least one text per instance.

    Raises:
        UserError: there is no Java.
    """
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge

    texts = [*outputs, *(text for texts in references for text in texts)]
    with meteor_process([*texts, BRACKETS]):  # reads its tables while the tokeniser, in a process of its own, works
        words = iter(tokenise(texts))
        hypotheses = [next(words) for _ in outputs]
        grouped = [[next(words) for _ in texts] for texts in references]
        by_id = dict(enumerate(grouped)), {i: [text] for i, text in enumerate(hypotheses)}
        return {
            "meteor": meteor(hypotheses, grouped),
            "rouge_l": 100 * float(Rouge().compute_score(*by_id)[0]),
            "cider": float(Cider().compute_score(*by_id)[0]),
        }


def meteor(outputs: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """METEOR 1.5 for English in percent, aggregated over the corpus, of texts as they are."""
    # A line is a message in METEOR's protocol, and ||| separates the texts of one.
    one_line = [[_one_line(text) for text in texts] for texts in references]
    with meteor_process([*outputs, *(text for texts in references for text in texts)]) as process:
        try:
            value, _ = process.compute_score(
                dict(enumerate(one_line)), {i: [_one_line(text)] for i, text in enumerate(outputs)}
            )
        except (ValueError, OSError) as error:
            raise RunFailed(
                f"METEOR: its Java process (which wants 2 GB) ended without a score: {error}; the same command asks again"
            ) from None
        finally:
            # Stopped midway, by Ctrl-C too, it forgets to release its lock, and would wait for itself when it is deleted.
            if process.lock.locked():
                process.lock.release()
    return 100 * float(value)


_kept: list[
    tuple[Any, str]
] = []  # the processes of the blocks that are entered, and the texts that each was started for


@contextlib.contextmanager
def meteor_process(texts: Iterable[str]) -> Iterator[Any]:
    """METEOR's Java process with the paraphrases that these texts can use; the outer block's, where those were for more."""
    text = "\n".join(texts).lower()
    for process, known in reversed(_kept):
        if all(run in known for run in paraphrases.runs(text)):
            yield process
            return
    _require_java()
    with tempfile.TemporaryDirectory(prefix="lopa-bench-meteor-") as folder:
        process = _started(text, Path(folder) / "paraphrases.gz")
        _kept.append((process, text))
        try:
            yield process
        finally:
            _kept.remove((process, text))


def _started(text: str, own: Path) -> Any:
    """The process of pycocoevalcap, which reads `own` instead of its table of paraphrases."""
    from pycocoevalcap.meteor import meteor

    class Meteor(meteor.Meteor):  # type: ignore[misc]
        def __init__(self) -> None:
            folder = Path(meteor.__file__).parent
            own.write_bytes(paraphrases.used_by(text, folder / "data" / "paraphrase-en.gz"))
            command = [
                "java",
                "-jar",
                "-Xmx2G",
                meteor.METEOR_JAR,
                "-",
                "-",
                "-stdio",
                "-l",
                "en",
                "-norm",
                "-a",
                str(own),
            ]
            pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
            self.meteor_p = subprocess.Popen(command, cwd=folder, **pipes)
            self.lock = threading.Lock()

        def __del__(self) -> None:
            if hasattr(self, "lock"):  # a stop while it began leaves nothing to close
                super().__del__()

    return Meteor()


def tokenise(texts: Sequence[str]) -> list[str]:
    """Penn Treebank tokens, lowercased, without punctuation, joined by blanks.

    pycocoevalcap's own wrapper does the same through a file beside its jar, which fails where
    the package is installed read-only; only its list of punctuation is used here.
    """
    _require_java()
    from pycocoevalcap.tokenizer import ptbtokenizer

    jar = Path(ptbtokenizer.__file__).with_name(ptbtokenizer.STANFORD_CORENLP_3_4_1_JAR)
    command = ["java", "-cp", str(jar), "edu.stanford.nlp.process.PTBTokenizer"]
    run = subprocess.run(
        [*command, "-preserveLines", "-lowerCase", "-encoding", "UTF-8"],
        input="".join(_one_line(text) + "\n" for text in texts).encode(),
        capture_output=True,
        check=False,
    )
    lines = run.stdout.decode().removesuffix("\n").split("\n")
    if run.returncode or len(lines) != len(texts):
        reason = run.stderr.decode(errors="replace").strip().splitlines()[:1]
        raise RunFailed(
            f"the Penn Treebank tokeniser, in Java, returned {len(lines)} lines for {len(texts)} texts: {' '.join(reason)}"
        )
    dropped = set(ptbtokenizer.PUNCTUATIONS)
    return [" ".join(w for w in line.rstrip().split(" ") if w not in dropped) for line in lines]


def _require_java() -> None:
    if not java_available():
        raise UserError(f"METEOR, ROUGE-L and CIDEr: {GET_JAVA}")


def _one_line(text: str) -> str:
    return " ".join(text.replace("|||", " ").splitlines())
