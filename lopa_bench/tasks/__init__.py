"""Tasks: records into words (`base.Task.examples`), and words into scores with the metrics that a task names.

Nothing outside this folder and conf/task/ knows which task it has. `rows` reads files, `fetch` brings them. Imports no torch.
"""
