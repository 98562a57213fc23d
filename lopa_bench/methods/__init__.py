"""Ways of adapting a backbone: a method is a frozen dataclass of hyperparameters; `base.Method` is what all others see of it.

Nothing outside this folder knows which method it has. The files that conf/method/*.yaml name import torch inside functions only.
"""
