"""Ways of adapting a backbone. A method is a frozen dataclass of hyperparameters; nothing outside this folder knows which one it has."""
