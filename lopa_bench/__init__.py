"""lopa-bench: reproduce Low-Rank Prompt Adaptation (LOPA, NeurIPS 2024) and go past it."""

__version__ = "0.1.0"
