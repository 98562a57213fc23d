"""Which runs make up the paper: its tables (one file each), its claims, its published numbers, and the plan and sweep that make them.

Imports run, results, config and what is below; `report` and `cli` read it. None of its files imports torch before it computes with it.
"""
