"""Which families of transformers are scored here as transformers scores them."""
