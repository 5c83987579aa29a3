"""Augmentations of the training part; each takes its random generator."""
