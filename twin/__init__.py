"""A twin of the us-east-1 cascade: services, faults, and what follows from them."""
