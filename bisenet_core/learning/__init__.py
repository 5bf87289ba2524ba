"""Training: a recipe in, a checkpoint out. Needs torch and lightning-fabric."""
