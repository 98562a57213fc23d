"""What a run has written: `record.Result` is its type, `directory` the one place that writes it, `read` the one place that reads many.

Imports config and host, and no torch: a table is made of results on machines that train nothing.
"""
