"""Calls that are stepped one by one."""
