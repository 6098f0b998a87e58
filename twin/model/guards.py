"""The guards of DynamoDB's DNS automation: checks and rules that it could have had.

``twin/mechanisms/dns_state.py`` has what each does in the state machine.
"""

from __future__ import annotations

GUARD_MEANINGS = {  # a tree: the records of one plan; a root: an endpoint's pointer to a tree
    "recheck": "check before each endpoint that the plan is still new",
    "recheck-in-lock": "make that check in the read of the zone's lock",
    "cas": "refuse a batch whose plan is not newer than the current",
    "cleanup-check": "clean-up lists old trees that no root uses, then deletes",
    "cleanup-atomic": "clean-up finds and deletes such trees in one step",
    "protect-rollback": "clean-up also keeps the trees of rollback records",
    "big-lock": "hold one lock from the choice of a plan to the clean-up",
    "big-lock-lease": "the same lock, but it can expire while it is held",
    "one-batch": "change all endpoints in one batch",
    "tolerate-missing": "a rollback record may name a tree that is gone",
    "blind-apply": "Route 53 accepts an alias to a tree that is gone",
    "no-zero-answers": "never publish an empty answer: the last one stays",
}
