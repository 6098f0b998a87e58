"""The levels that the words for impairment stand on. ``twin/simulation/sql/impairment.sql`` defines the
words.

They are kept here once. The loop needs them to name the cause of an onset while it happens, and the queries
to classify a finished run.
"""

DEGRADED_RATIO = 0.01  # error ratio
IMPAIRED_RATIO = 0.05
DOWN_RATIO = 0.90
SLOW_RATIO = 3.0  # latency over undisturbed latency
SIGN_RATIO = 0.001  # error ratio that is a first sign of trouble
SLOWER_RATIO = 1.5  # latency over undisturbed latency that is one
LOAD_RATIO = 1.25  # calls over the usual ones at this time of day: more load
CHANCE_SIGMAS = 5.0  # standard deviations of a random count; calls beyond are no chance
HOLD_S = 60.0  # so long before it counts as impaired
RECOVERED_S = 300.0  # so long below before it counts as recovered
METASTABLE_S = 1800.0  # still impaired so long after every fault in the causal chain has ended
QUIET_S = 300.0  # so long from the start latencies are taken as undisturbed
