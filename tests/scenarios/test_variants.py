"""The rival accounts: each says what it is about and why it is open, and changes what it says it changes."""

from functools import cache, reduce
from pathlib import Path

import pytest

import twin
from twin.base.places import LIBRARY
from twin.experiments.arms import arm_of
from twin.experiments.whatif import asked
from twin.experiments.wide_comparison import variants_of
from twin.spec import vary

BASE = "us-east-1-2025-10-20"
FILES = sorted(Path(LIBRARY / "scenarios" / "variants").glob("*.yaml"))


@cache
def measured(variant: str = "", mitigation: str = "") -> dict:
    """Of the replay in a variant, with a mitigation."""
    base = twin.load(BASE)
    changes = [variants_of(base, which=variant)[variant]] if variant else []
    changes += arm_of(mitigation, base).variations if mitigation else ()
    names = {"dwfm-leases-lost", "dwfm.lost_min", "dynamodb.lost_min", "lambda-invoke-relapse"}
    return asked(reduce(vary, changes, base), names)


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_it_says_what_it_is_about_and_why_that_is_open(file: Path) -> None:
    variant = variants_of(twin.load(BASE), which=file.stem)[file.stem]
    assert variant.about and variant.open and variant.changes and not variant.is_empty


def test_what_the_record_leaves_open_has_rivals() -> None:
    about = {v.about for v in variants_of(twin.load(BASE)).values()}
    assert len(about) >= 6, "one topic each, or two accounts of one"


def test_whether_longer_leases_help_hangs_on_how_leases_lapse() -> None:
    """As shipped no lease is lost. If leases are of mixed life, most run out even so."""
    rival = "leases-of-mixed-life"
    lost = {v: [measured(v, m)["dwfm.lost_min"] for m in ("", "long-leases")] for v in ("", rival)}
    assert lost[""][1] < 0.1 * lost[""][0], "the collapse is gone"
    assert lost[rival][0] == pytest.approx(lost[""][0], rel=0.2), "both accounts have the collapse"
    assert lost[rival][1] > 0.5 * lost[rival][0], "and only one of them the remedy"


def test_the_herd_comes_with_the_name_and_not_without_an_outage() -> None:
    herd = "herd-on-dynamodb"
    assert measured()["dynamodb.lost_min"] == 0
    assert 1 < measured(herd)["dynamodb.lost_min"] < 120, "it passes by itself"
    assert measured(herd, "compare-and-swap")["dynamodb.lost_min"] == 0


def test_one_pool_has_its_spare_capacity_in_common_so_lambda_fails_later() -> None:
    assert measured("lambda-one-pool")["lambda-invoke-relapse"] > measured()["lambda-invoke-relapse"] + 60
