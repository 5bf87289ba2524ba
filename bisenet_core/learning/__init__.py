"""Training: datasets, augmentation, losses, schedules, Lightning modules. Needs torch and lightning."""
