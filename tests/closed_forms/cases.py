"""The ledger of the closed-form cases: which test holds the twin to each, or why none does yet.

The cases with their inputs, numbers and tolerances are closed_form_cases.json. A case counts as covered where
the number comes out of a run, or out of the analysis API or a unit test if the case says so (``through``).
"""

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
QUEUEING = "tests/closed_forms/test_queueing.py"
FLEET = "tests/closed_forms/test_lease_fleet.py"
POOL = "tests/closed_forms/test_health_pool.py"
RESOLVER = "tests/closed_forms/test_resolver.py"
STABILITY = "tests/closed_forms/test_metastability.py"
ANALYSIS = "tests/analysis/test_dependencies.py"
POLICIES = "tests/closed_forms/test_policies.py"
HOSTS = "tests/closed_forms/test_host_fleet.py"
BACKOFF = "tests/closed_forms/test_backoff.py"
CHAINS = "tests/analysis/test_markov.py"
TWO_STATES = "tests/closed_forms/test_two_states.py"

# Case → node ids of the tests that cover it.
COVERED: dict[str, tuple[str, ...]] = {
    "V01": (f"{QUEUEING}::test_v01_mm1",),
    "V02b": (f"{QUEUEING}::test_v02b_erlang_c",),
    "V03": (f"{QUEUEING}::test_v03_loss_of_a_bounded_queue",),
    "V04": (f"{QUEUEING}::test_v04_erlang_b",),
    "V05b": (f"{QUEUEING}::test_v05b_erlang_a_overloaded",),
    "V07": (f"{QUEUEING}::test_v07_zombie_work_without_retries",),
    "V08b": (f"{QUEUEING}::test_v08b_work_of_clients_that_have_gone_is_dropped",),
    "V09": (f"{QUEUEING}::test_v09_retries_of_independent_failures",),
    "V11": (f"{QUEUEING}::test_v11_retry_budget", f"{QUEUEING}::test_v11_where_the_budget_binds"),
    "V12c": (f"{QUEUEING}::test_v12c_zombies_and_immediate_retries",),
    "V13": (f"{QUEUEING}::test_v13_retrial_queue",),
    "V14": (f"{QUEUEING}::test_v14_newest_first",),
    "V15": (f"{RESOLVER}::test_v15_busy_caches_lose_the_old_answer_in_a_straight_line",),
    "V17": (f"{RESOLVER}::test_v17_two_layers_of_which_one_counts_no_ttl_down",),
    "V18": (f"{RESOLVER}::test_v18_a_cache_that_is_asked_now_and_then",),
    "V19b": (f"{FLEET}::test_a_lease_lasts_until_so_many_checks_in_a_row_have_failed",),
    "V20": (f"{FLEET}::test_work_of_fixed_size_collapses_beyond_capacity_times_timeout",
            f"{FLEET}::test_the_frontier_of_collapse"),
    "V21b": (f"{FLEET}::test_a_queue_with_dead_work_finishes_or_stalls",
             f"{FLEET}::test_the_frontier_of_collapse"),
    "V22b": (f"{FLEET}::test_recovery_takes_longer_the_more_steps_are_lost",),
    "V23": (f"{FLEET}::test_a_bounded_window_finishes_in_time",),
    "V24b": (f"{QUEUEING}::test_v24b_token_bucket",),
    "V25": (f"{QUEUEING}::test_v25_backlog_of_an_outage", f"{POOL}::test_v25_drain_after_a_block"),
    "V26": (f"{QUEUEING}::test_v26_throttle_ramp", f"{POOL}::test_v26_drain_under_a_ramp"),
    "V27b": (f"{ANALYSIS}::test_v27b_a_common_cause_outweighs_redundancy",),
    "V28": (f"{ANALYSIS}::test_v28_hard_dependencies",),
    "V30": (f"{ANALYSIS}::test_v30_dominators",),
    "V32": (f"{ANALYSIS}::test_v32_size_of_a_cascade",
            f"{ANALYSIS}::test_v32_cascades_that_end_by_themselves"),
    "V34": (f"{POOL}::test_v34_members_that_fail_at_random",),
    "V36": (f"{POOL}::test_v36_utilisation_after_losing_zones",),
    "V38": (f"{HOSTS}::test_v38_competing_hazards_without_noise",
            f"{HOSTS}::test_v38_competing_hazards_are_multinomial"),
    "V39b": (f"{HOSTS}::test_v39b_birth_and_death",),
    "V40b": (f"{CHAINS}::test_v40b_time_to_collapse_and_share_on_time",
             f"{TWO_STATES}::test_v40b_by_chance", f"{TWO_STATES}::test_v40b_as_the_command_says_it",
             f"{STABILITY}::test_v40b_the_command_gives_the_time_to_collapse"),
    "V41": ("tests/base/test_rng.py::test_philox_known_answers",),
    "V42": ("tests/simulation/test_partition.py::test_v42_number_of_shards",
            "tests/simulation/test_partition.py::test_v42_order_inside_a_window"),
    "V44": (f"{QUEUEING}::test_v44_clients_at_the_cap_of_their_back_off",),
    "V46": (f"{POLICIES}::test_v46_retry_quota",),
    "V48": (f"{POLICIES}::test_v48_adaptive_throttling",),
    "V50": ("tests/closed_forms/test_execution_pool.py::test_v50_scale_out",),
    "V51b": ("tests/analysis/dns_race/test_explore.py::test_without_symmetry_the_counts_of_case_v51b",),
    "V53": (f"{BACKOFF}::test_v53_optimistic_writers",),
    "V55": (f"{HOSTS}::test_v55_repair",),
    "V57": (f"{ANALYSIS}::test_v57_shuffle_sharding",),
}  # fmt: skip

# Case → why no run shows it yet.
NOT_YET: dict[str, str] = {}


def cases() -> dict[str, dict[str, Any]]:
    """Case by id."""
    return {case["id"]: case for case in json.loads((HERE / "closed_form_cases.json").read_text())}
