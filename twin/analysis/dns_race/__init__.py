"""Explores the state machine of the DNS automation: can the race happen, how, and how often."""
