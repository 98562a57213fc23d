"""Pretrained models: their files, tokens, batches, layers and ways of writing, whatever the family.

`files.locate` says what a folder holds without torch; `backbone.Backbone` is the model taken apart into embedding, body and head.
"""
