"""Tables, claims and figures from finished runs.

A table is a query over what runs have written (``result.json`` and the files beside it) and what is published (the study's
``reference.csv`` and ``others.csv``); nothing here trains. Only `retention`, which asks a run's model again, loads torch.
"""
