"""A comparison as one page: text, tables and pictures in one file that loads nothing else."""
