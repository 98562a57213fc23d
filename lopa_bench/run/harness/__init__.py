"""A finished causal run as a model of lm-evaluation-harness: `scoring` answers its questions, ``__main__`` is the plug.

lm-eval (an extra) is imported in ``__main__`` alone.
"""
