"""The command line: one file a subcommand, found by listing (`SUMMARY`, options, `main`); `words.py` is the one parser.

Nothing of it is imported by another room; the entry point is ``cli.main:main``, which `lopa_bench/__main__.py` calls. Torch is imported
when a run starts.
"""
