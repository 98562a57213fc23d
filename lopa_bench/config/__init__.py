"""YAML and overrides into checked, typed values: `compose.load_config` is the door, `schema.Config` what comes through it.

Knows no method, task or tracker: their classes are named by the YAML and looked up by `typed`. Imports `host` and `errors`, and no torch.
"""
