"""`python -m lopa_bench.mini`: sizes, label balance, and what words and counts alone get."""

from collections import Counter

from lopa_bench.mini import records
from lopa_bench.mini.baseline import COLUMNS, bag_of_words, look_up

HEADER = "task    train  valid   test  majority   words  counts   score  labels (test)"


def line(task: str) -> str:
    """A task's line of the table."""
    splits = records(task)
    labels = Counter(row[COLUMNS[task][1]] for row in splits["test"])
    sizes = "".join(f"{len(rows):7}" for rows in splits.values())
    majority = 100 * max(labels.values()) / labels.total()
    scores = "".join(f"{value:8.1f}" for value in (bag_of_words(task, splits), *look_up(task, splits)))
    shares = ", ".join(f"{name} {n / labels.total():.0%}" for name, n in sorted(labels.items()))
    return f"{task:6}{sizes}{majority:10.1f}{scores}  {shares}"


def main() -> None:
    """Print one line for each of the six classification tasks."""
    print(HEADER)
    for task in COLUMNS:
        print(line(task))


if __name__ == "__main__":
    main()
