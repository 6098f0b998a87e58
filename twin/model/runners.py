"""Where runs are made. The results are the same."""

RUNNERS = ("auto", "inline", "process", "ray")
