"""Scorers that agree with the official ones of each benchmark. Imports no torch.

Units, here and in every result: percent, except TER (a fraction), NIST and CIDEr (as they are).
"""
