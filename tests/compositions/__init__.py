"""Small systems with a known answer: scenarios, the numbers of an event simulation, and their agreement."""
