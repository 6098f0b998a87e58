"""A comparison as one page: words, tables and pictures in a single file that asks nobody for anything."""
