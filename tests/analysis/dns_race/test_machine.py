"""The machine, one transition at a time, as the simulator drives it."""

import numpy as np
import pytest

from twin.mechanisms import dns_machine as m
from twin.mechanisms import dns_state as st
from twin.mechanisms.dns_state import config


class Story:
    """A machine and what its steps returned; `run("P0P1")` lets the Planner and Enactors 0, 1… move."""

    def __init__(self, **rest):
        self.cfg = config(**rest)
        self.state = m.initial(self.cfg)

    def run(self, actors: str) -> list[str]:
        return [st.STEP_NAMES[self.move(actor)] for actor in actors]

    def move(self, actor: str) -> int:
        if actor == "P":
            return m.step_planner(self.state, self.cfg)
        return m.step_enactor(self.state, self.cfg, int(actor))

    def ask(self, question, *args):
        return question(self.state, self.cfg, *args)


def incident(**rest) -> Story:
    """Plan 1 picked by Enactor 0 and held up; plan 3 by Enactor 1; then the stale write and the clean-up."""
    story = Story(keep_last=2, **rest)
    told = story.run("P0PP11011")
    assert told[:2] == ["planned", "picked"]
    return story


def test_a_plan_goes_its_way():
    story = Story()
    assert story.run("P000") == ["planned", "picked", "applied", "finished"]
    assert story.run("0") == ["cleaned"]
    assert story.run("0") == ["nothing"]
    assert [st.root(story.state, j) for j in (0, 1)] == [1, 1]
    assert [story.ask(st.rollback, j) for j in (0, 1)] == [0, 0]
    assert story.ask(st.tree_count) == 2


def test_the_planner_stops_at_its_bound():
    assert Story(plans=2).run("PPP") == ["planned", "planned", "nothing"]


def test_the_incident_empties_one_endpoint_and_wedges_everyone():
    story = incident()
    assert [story.ask(st.is_empty, j) for j in (0, 1)] == [True, False]
    assert [story.ask(st.endpoint_has_records, j) for j in (0, 1)] == [False, True]
    assert story.run("P")[0] == "planned"
    before = story.state.copy()
    assert story.run("1")[0] == "picked"
    assert story.run("1111") == ["wedged"] * 4
    assert story.ask(st.wedged, 1)
    assert np.array_equal(story.state[st.ROOTS : st.ROOTS + 4], before[st.ROOTS : st.ROOTS + 4])


def test_repair_points_at_a_tree_that_exists_and_stops_the_automation():
    story = incident()
    assert story.ask(m.repair) == 1
    assert all(story.ask(st.endpoint_has_records, j) for j in (0, 1))
    assert st.root(story.state, 0) == 3  # the rollback tree: what the stale write replaced
    assert story.run("P01") == ["nothing"] * 3
    m.resume(story.state, story.cfg)
    assert story.run("P000") == ["planned", "picked", "applied", "finished"]


def test_repair_takes_the_newest_tree_when_the_rollback_tree_is_gone_too():
    story = incident()
    cell = st.find_tree(story.state, story.cfg, 3)
    story.state[cell] = 0
    story.run("P2")  # a newer tree is built, then its Enactor is wedged
    assert story.ask(m.repair) == 2
    assert st.root(story.state, 0) == 4


@pytest.mark.parametrize(
    ("guard", "code"),
    [("cas", "aborted_stale"), ("recheck-in-lock", "aborted_stale"), ("recheck", "aborted_stale")],
)
def test_a_guard_makes_the_late_enactor_give_up(guard, code):
    story = Story(keep_last=2, guards=(guard,))
    story.run("P0PP1")
    while st.root(story.state, 1) != 3:
        story.move("1")
    assert story.run("0") == [code]
    assert story.ask(st.pc, 0) == st.IDLE


def test_recheck_before_the_batch_leaves_a_window():
    story = Story(keep_last=2, endpoints=1, guards=("recheck",))
    assert story.run("P0PP10110") == [
        "planned", "picked", "planned", "planned", "picked", "rechecked", "rechecked", "finished", "finished",
    ]  # fmt: skip
    assert st.root(story.state, 0) == 1


def test_a_lock_that_changed_since_it_was_read_is_read_again():
    story = Story(keep_last=2, endpoints=1, lock_steps=True)
    assert story.run("P0PP1") == ["planned", "picked", "planned", "planned", "picked"]
    assert story.run("01100") == ["synced", "synced", "finished", "synced", "finished"]
    assert story.run("11") == ["synced", "cleaned"]


def test_recheck_in_lock_sees_what_came_between():
    story = Story(keep_last=2, endpoints=1, guards=("recheck-in-lock",))
    story.run("P0PP1")
    assert story.run("0110") == ["synced", "synced", "finished", "aborted_stale"]


def test_a_missing_tree_is_rejected():
    story = Story(keep_last=1, endpoints=1)
    assert story.run("P0PP111") == [
        "planned",
        "picked",
        "planned",
        "planned",
        "picked",
        "finished",
        "cleaned",
    ]
    assert story.run("0") == ["aborted_missing"]


def test_a_missing_tree_is_taken_blindly():
    story = Story(keep_last=1, endpoints=1, guards=("blind-apply",))
    story.run("P0PP1110")
    assert story.ask(st.is_empty, 0)


def test_atomic_clean_up_spares_the_tree_in_use():
    story = incident(guards=("cleanup-atomic",))
    assert not story.ask(st.is_empty, 0) and not story.ask(st.is_empty, 1)
    assert st.root(story.state, 0) == 1


def test_checked_clean_up_deletes_what_it_listed():
    story = Story(keep_last=2, endpoints=1, guards=("cleanup-check",))
    told = story.run("P0PP11101")
    assert told[-3:] == ["listed", "finished", "cleaned"]
    assert story.ask(st.is_empty, 0)


def test_no_wedge_when_a_missing_target_is_tolerated():
    story = incident(guards=("tolerate-missing",))
    assert story.ask(st.is_empty, 0)
    assert story.run("P111") == ["planned", "picked", "applied", "finished"]
    assert not story.ask(st.is_empty, 0)


def test_with_a_floor_the_answer_stays_though_the_records_are_gone():
    story = incident(guards=("no-zero-answers",))
    assert story.ask(st.is_empty, 0) and story.ask(st.endpoint_has_records, 0)
    assert story.run("P11")[-1] == "wedged"


def test_the_big_lock_keeps_the_others_out_and_its_lease_does_not():
    assert Story(guards=("big-lock",)).run("P0P1") == ["planned", "picked", "planned", "nothing"]
    story = Story(guards=("big-lock-lease",))
    assert story.run("P0") == ["planned", "picked"] and story.ask(st.lock_is_held)
    assert story.run("P1") == ["planned", "picked"]


def test_the_original_design_walks_in_one_step():
    story = Story(design="original")
    assert story.run("P00") == ["planned", "finished", "cleaned"]


def test_hours_of_plans_take_no_more_room():
    story = Story(keep_last=10)
    for k in range(5_000):
        assert story.run("P" + str(k % 3) * 4) == ["planned", "picked", "applied", "finished", "cleaned"]
        assert story.ask(st.tree_count) <= 10
    assert st.root(story.state, 0) == 5_000


def test_a_very_old_tree_in_use_survives_the_turn_of_the_slots():
    story = Story(keep_last=4, enactors=3, guards=("cleanup-atomic", "protect-rollback"))
    assert story.run("P0") == ["planned", "picked"]
    for _ in range(3 * story.cfg.slots):
        story.run("P1111")
    assert story.run("0") == ["aborted_missing"]
    assert story.ask(st.tree_count) <= 5


def test_a_zone_without_room_takes_no_more_trees():
    story = Story(plans=0, keep_last=1)
    cfg = story.cfg._replace(slots=2)
    state = m.initial(cfg)
    for e, code in ((0, st.PICKED), (1, st.NOTHING)):
        m.step_planner(state, cfg)
        assert m.step_enactor(state, cfg, e) == code


def test_config_says_what_it_does_not_know():
    with pytest.raises(ValueError, match="unknown guard 'hope'"):
        config(guards=("hope",))
    with pytest.raises(ValueError, match="unknown design"):
        config(design="final")
    with pytest.raises(ValueError, match="at least 1"):
        config(enactors=0)


@pytest.mark.parametrize(
    ("guards", "words"),
    [
        (("recheck", "recheck-in-lock"), "recheck and recheck-in-lock exclude each other"),
        (("big-lock", "big-lock-lease"), "big-lock and big-lock-lease exclude each other"),
        (("cleanup-check", "cleanup-atomic"), "clean-up takes two steps, or one"),
        (("protect-rollback", "cas"), "protect-rollback needs cleanup-check or cleanup-atomic"),
    ],
)
def test_guards_that_exclude_each_other(guards, words):
    with pytest.raises(ValueError, match=words):
        config(guards=guards)


def test_every_contradiction_is_named_at_once():
    with pytest.raises(ValueError, match=r"(?s)cas has no place.*; lock steps has no place"):
        config(guards=("cas",), lock_steps=True, design="original")


def test_names_match_codes():
    assert st.STEP_NAMES[st.CLEANED] == "cleaned" and len(st.STEP_NAMES) == st.CLEANED + 1
    assert st.STEP_NAMES[st.WEDGED] == "wedged" and st.PC_NAMES[st.DELETING] == "deleting"
