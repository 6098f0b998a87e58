"""The DNS automation as one state machine (`machine`), run by the simulator and by `explore`."""
