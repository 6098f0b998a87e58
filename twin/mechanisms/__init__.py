"""Compiled building blocks that kinds are made of."""
