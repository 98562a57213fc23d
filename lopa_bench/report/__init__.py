"""Tables, claims and figures from finished runs.

Reads only what runs have written (``result.json`` and the files beside it) and ``reference.csv``,
the paper's published numbers. A table is a query over these facts; nothing here trains, and nothing
here imports torch.
"""
