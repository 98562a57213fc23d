"""``lopa-bench fetch``: the files that tasks read with data.source=files, from pinned addresses, each checked by its SHA-256."""
