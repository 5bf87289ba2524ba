"""How weight files name their tensors."""
