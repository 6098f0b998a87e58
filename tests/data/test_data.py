"""The data that everything is scored against is complete, consistent and says where it comes from."""

import csv
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml

DATA = Path(__file__).parents[2] / "data"
SOURCES = yaml.safe_load((DATA / "sources.yaml").read_text())["sources"]
PUBLISHED = sorted((DATA / "published").glob("*.csv"))
EDGES = DATA / "evidence" / "service_role_edges.csv"

LEVELS = {
    "error_ratio": {0.01, 0.05, 0.9},
    "latency_ratio": {3.0},
    "backlog_s": {60.0, 3600.0},
    "capacity_ratio": {0.95},
}
FIRST = datetime(2025, 10, 20, 6, 45)  # UTC, start of the window of containers
LAST = datetime(2025, 10, 21, 11, 5)  # UTC, the last Redshift cluster
PDT = timedelta(hours=-7)


def rows(name):
    """A published table with every cell as text, so that the zone of a time is seen."""
    return list(csv.DictReader((DATA / "published" / name).read_text().splitlines()))


OUTCOMES, MUST_NOT = rows("us-east-1-2025-10-20.csv"), rows("us-east-1-2025-10-20-must-not.csv")
PLATEAUS = rows("us-east-1-2025-10-20-plateaus.csv")
STATEMENTS = OUTCOMES + MUST_NOT


def in_utc(text):
    """Naive UTC time of an ISO text that must carry the zone of the event."""
    time = datetime.fromisoformat(text)
    assert time.utcoffset() == PDT, text
    return time.replace(tzinfo=None) - PDT


def test_source_ids_are_tokens_with_title_trust_and_note():
    for name, source in SOURCES.items():
        assert re.fullmatch(r"[A-Z][A-Z0-9]*", name)
        assert set(source) - {"figures"} == {"title", "url", "kind", "trust", "note"}, name
        assert source["trust"] in {"highest", "high", "medium", "low"}
        assert source["kind"] in {"account", "document", "paper", "model", "derived"}
        assert source["url"] is None or source["url"].startswith("https://")


def test_only_the_operators_own_summaries_are_trusted_most():
    most = {name: source for name, source in SOURCES.items() if source["trust"] == "highest"}
    assert list(most) == ["PES", "DDB2015"], "of this event, and of the one whose fault the suite borrows"
    assert all(source["url"].startswith("https://aws.amazon.com/message/") for source in most.values())


def test_enough_outcomes_to_score():
    assert len(OUTCOMES) >= 30
    assert sum(outcome["imposed"] == "false" for outcome in OUTCOMES) >= 30


def test_ids_are_unique():
    ids = [statement["id"] for statement in STATEMENTS + PLATEAUS]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in ids)


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda statement: statement["id"])
def test_statement_names_a_known_source_and_a_closed_list_signal(statement):
    assert statement["source"] in SOURCES
    assert float(statement["level"]) in LEVELS[statement["signal"]]
    assert statement["direction"] in {"rising", "falling"}
    assert statement["note"].endswith(".")
    assert statement["what"] and not statement["what"].endswith(".")


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: outcome["id"])
def test_outcome_has_exactly_the_fields_of_the_format(outcome):
    fields = "id subject what signal direction level episode published not_before source tolerance_min"
    assert list(outcome) == [*fields.split(), "imposed", "note"]
    assert 1 <= int(outcome["tolerance_min"]) <= 45
    assert outcome["imposed"] in {"true", "false"}
    assert int(outcome["episode"]) in {1, 2}
    assert FIRST <= in_utc(outcome["published"]) <= LAST


@pytest.mark.parametrize("statement", MUST_NOT, ids=lambda statement: statement["id"])
def test_must_not_has_exactly_the_fields_of_the_format(statement):
    fields = "id subject what signal direction level from to would_come_from source note"
    assert list(statement) == fields.split()
    assert FIRST <= in_utc(statement["from"]) < in_utc(statement["to"]) <= LAST


@pytest.mark.parametrize("plateau", PLATEAUS, ids=lambda plateau: plateau["id"])
def test_a_plateau_is_wide_and_lasts(plateau):
    """Its two levels lie apart, or it would be a level that luck decides."""
    assert plateau["source"] in SOURCES and plateau["note"].endswith(".")
    assert float(plateau["high"]) - float(plateau["low"]) >= 0.4
    assert in_utc(plateau["to"]) - in_utc(plateau["from"]) >= timedelta(minutes=5)
    assert plateau["imposed"] == "false" or "input" in plateau["note"]


def test_counts_are_of_products_that_the_entries_hold():
    """Each service belongs to one product at most, and each count is a part of its whole."""
    names = [name for entry in rows("us-east-1-2025-10-20-entries.csv") for name in entry["services"].split()]
    assert names and len(names) == len(set(names))
    for count in rows("us-east-1-2025-10-20-counts.csv"):
        assert 0 < int(count["count"]) <= int(count["whole"]) and count["source"] in SOURCES
        assert count["note"].endswith(".") and FIRST <= in_utc(count["at"]) <= LAST
    readme = (DATA / "published" / "README.md").read_text()
    assert f"the twin has {len(rows('us-east-1-2025-10-20-entries.csv'))} of them" in readme


def test_recollection_and_posts_are_not_taken_to_the_minute():
    least = {"HD": 5, "MEM": 15, "SECOND": 5, "PES": 1}
    assert not [o["id"] for o in OUTCOMES if int(o["tolerance_min"]) < least[o["source"]]]


def test_a_post_is_a_bound_and_so_is_an_interval():
    """A dashboard post says what is true by now, and an earlier report when it was not yet."""
    for outcome in OUTCOMES:
        assert bool(outcome["not_before"]) == (outcome["source"] == "HD"), outcome["id"]
        if outcome["not_before"]:
            assert FIRST < in_utc(outcome["not_before"]) < in_utc(outcome["published"])


def test_no_statement_forbids_what_an_outcome_says():
    for ban in MUST_NOT:
        key = [ban[field] for field in ("subject", "signal", "direction", "level")]
        same = [o for o in OUTCOMES if [o[f] for f in ("subject", "signal", "direction", "level")] == key]
        assert not [o["id"] for o in same if in_utc(ban["from"]) < in_utc(o["published"]) < in_utc(ban["to"])]


def test_what_is_imposed_says_of_which_input_it_is_the_end():
    notes = [outcome["note"] for outcome in OUTCOMES if outcome["imposed"] == "true"]
    assert notes
    assert all("input" in note or "repair" in note for note in notes)


def test_onset_and_recovery_alternate():
    """Of one subject, signal and level: an episode's onset, its end, then the second episode."""
    series = {}
    for outcome in OUTCOMES:
        key = (outcome["subject"], outcome["signal"], outcome["level"])
        onset = (outcome["direction"] == "rising") != (outcome["signal"] == "capacity_ratio")
        place = (int(outcome["episode"]), not onset)
        series.setdefault(key, []).append((place, in_utc(outcome["published"])))
    for key, places in series.items():
        assert len({place for place, _ in places}) == len(places), f"stated twice: {key}"
        times = [time for _, time in sorted(places)]
        assert times == sorted(times), key


def test_evidence_table_is_small_and_holds_no_address():
    text = EDGES.read_text()
    assert len(text) < 200_000
    assert not re.search(r"https?://|arn:|@|\b\d{12}\b|\b\d{1,3}(\.\d{1,3}){3}\b|/", text)


def test_evidence_rows_are_whole_unique_and_sorted():
    rows = list(csv.DictReader(EDGES.read_text().splitlines()))
    assert list(rows[0]) == ["caller_policy", "caller_service", "callee", "write_actions", "example_action"]
    keys = [(row["caller_policy"], row["callee"]) for row in rows]
    assert keys == sorted(set(keys))
    assert all(int(row["write_actions"]) > 0 for row in rows)
    assert all(row["example_action"].startswith(row["callee"] + ":") for row in rows)


def test_repository_data_names_every_file():
    readme = (DATA / "README.md").read_text()
    published = [f"published/{path.name}" for path in PUBLISHED]
    for name in ["sources.yaml", "evidence/service_role_edges.csv", *published]:
        assert f"`{name}`" in readme
