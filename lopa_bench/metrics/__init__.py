"""Scores, as the official scorers compute them. Imports no torch."""
