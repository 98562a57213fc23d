"""`python -m lopa_bench.mini`: sizes, label balance, and what a bag of words gets."""

from collections import Counter

from lopa_bench.mini import records
from lopa_bench.mini.baseline import COLUMNS, bag_of_words


def main() -> None:
    """Print one line for each of the six classification tasks."""
    print("task    train  valid   test  majority   words  labels (test)")
    for task, (_, label) in COLUMNS.items():
        splits = records(task)
        labels = Counter(row[label] for row in splits["test"])
        sizes = "".join(f"{len(rows):7}" for rows in splits.values())
        majority = 100 * max(labels.values()) / labels.total()
        shares = ", ".join(f"{name} {n / labels.total():.0%}" for name, n in sorted(labels.items()))
        print(f"{task:6}{sizes}{majority:10.1f}{bag_of_words(task):8.1f}  {shares}")


if __name__ == "__main__":
    main()
