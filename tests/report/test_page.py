"""The page says what the comparison found, needs nothing from elsewhere, and is the same each time."""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.conftest import invoke
from twin.experiments.arms import BASELINE
from twin.experiments.comparison import PairedComparison
from twin.experiments.robustness import Robustness
from twin.experiments.tournament import Tournament
from twin.experiments.wide_comparison import WideComparison
from twin.report.report import Report, write
from twin.report.verdict import answers, best_of, headline
from twin.report.wording import amount, hours, share
from twin.results.metrics import PRIMARY
from twin.statistics.attribution import Better, interaction, shapley
from twin.statistics.proportions import wilson

from .conftest import HOSTILE, Reader

LOADS = ("src", "srcset", "href", "action", "data", "poster", "background", "xlink:href")


def outside(page: str) -> list[str]:
    """Whatever a browser would fetch or run."""
    tags = Reader(page).tags
    fetched = [
        at[name] for _, at in tags for name in LOADS if not at.get(name, "#").startswith(("#", "data:,"))
    ]
    run = [tag for tag, at in tags if tag in ("script", "iframe", "object", "embed", "base")
           or any(name.startswith("on") for name in at)]  # fmt: skip
    styled = re.findall(r"@import|@font-face|url\((?!#)[^)]*\)", page)
    return [*fetched, *run, *styled, *re.findall(r"(?:https?:)?//\w", page)]


def test_nothing_comes_from_outside(page: str) -> None:
    assert outside(page) == []


CANARIES = (
    '<img src="a.png">', '<link rel="stylesheet" href="style.css">', "<script>1</script>",
    '<p onclick="f()">', "<style>@import 'a.css'</style>", '<p style="background: url(a.png)">',
    '<svg><use href="//x"/></svg>',
)  # fmt: skip


@pytest.mark.parametrize("canary", CANARIES)
def test_what_would_come_from_outside_is_seen(page: str, canary: str) -> None:
    assert outside(page.replace("</main>", canary + "</main>"))


def of_document(said: dict[str, Any]) -> Iterator[tuple[tuple[str, str], list[float]]]:
    """The numbers of --json in the order of the page: (name, measure) → difference, then value."""
    for name, entry in said["baseline"].items():
        yield (BASELINE, name), [entry["mean"], *entry["ci95"]]
    for arm in said["mitigations"]:
        for name, d in arm["difference"].items():
            value = arm["value"][name]
            yield (arm["name"], name), [d["mean"], *d["ci95"], value["mean"], *value["ci95"]]


def test_the_ranking_has_the_numbers_of_the_document(page: str, found: PairedComparison) -> None:
    assert Reader(page).numbers == dict(of_document(found.as_json()))


def test_a_number_that_differs_is_seen(page: str, found: PairedComparison) -> None:
    lost = found.baseline[PRIMARY].mean
    assert Reader(page.replace(f'value="{lost}"', 'value="7"')).numbers != dict(of_document(found.as_json()))


def test_names_are_text(page: str) -> None:
    reader = Reader(page)
    assert HOSTILE in reader.words and "<page>" in reader.words
    assert "script" not in {tag for tag, _ in reader.tags}


def test_names_in_pictures_are_text(found: PairedComparison, report: Report) -> None:
    arms = tuple(replace(a, arm=replace(a.arm, name=HOSTILE)) for a in found.arms if a.arm.name == "lifo")
    there = {HOSTILE if k == "lifo" else k: v for k, v in found.curves.items()}
    ends = {HOSTILE if k == "lifo" else k: v for k, v in found.recovery_s.items()}
    renamed = replace(report, found=replace(found, arms=arms, curves=there, recovery_s=ends))
    reader = Reader(renamed.page())
    assert "script" not in {tag for tag, _ in reader.tags}
    assert reader.words.count(HOSTILE) > 6


def test_the_same_again_is_the_same_bytes(report: Report, page: str) -> None:
    again = Report(report.found, report.base, report.origin, robust=report.robust)
    assert again.page() == page


def test_ids_are_unique_and_found(page: str) -> None:
    tags = Reader(page).tags
    ids = [at["id"] for _, at in tags if "id" in at]
    assert len(ids) == len(set(ids))
    wanted = {at["href"][1:] for _, at in tags if at.get("href", "").startswith("#")}
    wanted |= set(re.findall(r"url\(#([^)]*)\)", page)) | {
        at["aria-labelledby"] for _, at in tags if "aria-labelledby" in at
    }
    assert wanted <= set(ids)


def test_pictures_have_names_and_the_page_colours(page: str) -> None:
    titles = [tag for tag, _ in Reader(page).tags if tag == "title"]
    assert (
        len(titles) == 1 + 2 * 4
    )  # the page; forest, timelines, recoveries, costs, on a desk and on a phone
    assert not re.search(r"(fill|stroke): #[0-9a-f]{6}", page), "a colour that does not turn dark"


def test_what_it_rests_on_is_said(page: str, report: Report, found: PairedComparison) -> None:
    words = Reader(page).words
    numbers = ("customers.rate_per_s", "an example; between a quarter of the capacity")
    own = ("customers->front.breaker_error_ratio", "a common one", "Old calls are never served", "storm")
    for text in (*numbers, *own, report.origin.command, "c0de"):
        assert text in words
    assert f"{found.invalid} of {found.invalid + len(found.worlds)} worlds were invalid" in words
    assert f"{len(found.arms) * len(found.metrics)} tests," in words


# --- what it concludes -------------------------------------------------------------


def test_the_headline_is_the_best(report: Report, found: PairedComparison) -> None:
    best = best_of(report.arms)
    assert best.arm.arm.name == "lifo" and best.helps
    saved = amount(found.metrics[0], -best.arm.difference[PRIMARY].mean)
    assert headline(found, best).startswith(f"lifo would have saved {saved} service-minutes")


def test_an_insignificant_difference_is_no_headline(found: PairedComparison) -> None:
    unclear = tuple(replace(a, significant=dict.fromkeys(a.significant, False)) for a in found.arms)
    best = best_of(unclear)
    assert not best.helps and headline(found, best) == "None of 2 helps significantly"


def test_too_few_worlds_are_called_so(found: PairedComparison) -> None:
    unclear = tuple(replace(a, significant=dict.fromkeys(a.significant, False)) for a in found.arms)
    few = replace(found, worlds=found.worlds[:4])
    said = [" ".join(answers(f, best_of(unclear), unclear, (), {})) for f in (few, found)]
    assert ["In 4 worlds no difference can be" in said[0], "can be significant" in said[1]] == [True, False]


def test_equals_of_the_best_are_named(found: PairedComparison) -> None:
    lifo = next(a for a in found.arms if a.arm.name == "lifo")
    twin_ = replace(lifo, arm=replace(lifo.arm, name="twin"))
    breaker = next(a for a in found.arms if a.arm.name == "breaker")
    assert best_of([lifo, twin_, breaker]).equals == ("twin",)


def test_zero_has_no_sign_and_nearly_all_is_not_all(found: PairedComparison) -> None:
    minutes, *_, requests = found.metrics
    assert [amount(minutes, v, True) for v in (0.0, -0.01, -0.06)] == ["0.0", "0.0", "\u22120.1"]
    assert amount(requests, 12_345_678.0, True) == "+12.3 M" and amount(minutes, math.inf) == "∞"
    assert [hours(v) for v in (48_600.0, 5400.0, 21_600.0, math.inf)] == ["13.5 h", "90 min", "6 h", "∞"]
    assert [share(v) for v in (1.0, 0.998, 0.47, 0.001, 0.0)] == [
        "100\u00a0%", "over 99\u00a0%", "47\u00a0%", "under 1\u00a0%", "0\u00a0%",
    ]  # fmt: skip


def test_a_saving_is_a_share_of_what_is_lost_in_the_same_worlds(found: PairedComparison) -> None:
    """Of an arm that stopped early: the worlds that it never saw lose ten times as much."""
    lifo = next(a for a in found.arms if a.arm.name == "lifo")
    early = replace(lifo, worlds=lifo.worlds[:8])
    d = lifo.difference[PRIMARY]
    lost = np.where(np.arange(len(found.worlds)) < 8, -d.mean, -10 * d.mean)
    assert "100\u00a0%" in headline(replace(found, values={PRIMARY: lost}), best_of([early]))


# --- how far it holds ---------------------------------------------------------------


def of_claims(said: dict[str, Any]) -> dict[str, list[float]]:
    """The numbers of each arm's robustness in --json, in the order of the page."""
    each = {a["name"]: a["robustness"] for a in [*said["mitigations"], *said.get("pairs", ())]}
    return {
        name: [
            *([r["share"], *r["ci95"]] if r["ci95"] else ()),
            *(x for d in r["decided_by"] for x in (d["index"], d["rank_correlation"])),
        ]
        for name, r in each.items()
    }  # fmt: skip


def alike(page: dict[str, list[float]], said: dict[str, list[float]]) -> bool:
    """But for the rounding of the document."""
    return page.keys() == said.keys() and all(page[n] == pytest.approx(said[n], abs=1e-3) for n in said)


def test_the_page_says_how_far_it_holds(report: Report, page: str, found: PairedComparison) -> None:
    said = WideComparison(report.base, found, None, None, report.robust, {}, Path()).as_json()
    claims = of_claims(said)
    assert alike(Reader(page).claims, claims)
    assert len(claims["breaker"]) > 3, "some number decides"
    held = report.robust["lifo"].holds
    assert held is not None and f"in {share(held.ratio)} of the worlds" in Reader(page).words
    other = page.replace(f'value="{held.ratio}"', 'value="7"')
    assert not alike(Reader(other).claims, claims), "a check that cannot fail"


def test_the_numbers_that_decide_are_those_of_the_command(report: Report, page: str) -> None:
    """One answer to which number decides: what robustness does not name, the page does not."""
    named = {at["data-decides"] for _, at in Reader(page).tags if "data-decides" in at}
    assert named == {d.target for r in report.robust.values() for d in r.decided_by}
    none = {name: replace(r, decided_by=()) for name, r in report.robust.items()}
    without = Reader(replace(report, robust=none).page())
    assert not any("data-decides" in at for _, at in without.tags) and "no single input" in without.words


def test_what_a_variant_does_not_come_to_is_not_robust(report: Report) -> None:
    def verdict_of(**variants: str) -> str:
        asked = {"lifo": replace(report.robust["lifo"], variants=variants)}
        return Reader(replace(report, robust=report.robust | asked).page()).words

    agree, differ = verdict_of(one="helps", other="helps"), verdict_of(one="helps", other="harms")
    assert "It also helps in every variant of the model: one and other" in agree
    assert "robust" in agree and "It hangs on the model" not in agree
    assert "It hangs on the model, on other: in other: harms." in differ


def test_without_robustness_nothing_is_said_of_it(report: Report) -> None:
    words = Reader(replace(report, robust={}).page()).words
    assert "How far each verdict holds" not in words and "by more than is worth having, in" not in words


def test_a_tournament_adds_its_sections(found: PairedComparison, report: Report) -> None:
    lifo, breaker = (
        next(a for a in found.arms if a.arm.name == n).values[PRIMARY] for n in ("lifo", "breaker")
    )
    base = found.values[PRIMARY]
    value = {frozenset(): base, frozenset("a"): lifo, frozenset("b"): breaker, frozenset("ab"): lifo}
    shares = shapley("ab", lambda s: base - value[s], budget=4, seed=1)
    both = {"lifo+breaker": (interaction(lifo, breaker, lifo, base, Better.LOWER), 0.03)}
    pair = replace(found.arms[0], arm=replace(found.arms[0].arm, name="lifo+breaker"))
    pairs = replace(found, arms=(pair,))
    held = Tournament(found, pairs, ("lifo",), both, ("x+y",), shares)
    robust = report.robust | {"lifo+breaker": Robustness("helps", wilson(91, 100))}
    page = replace(report, tournament=held, robust=robust).page()
    words = Reader(page).words
    for text in ("Shares of the loss", "Two at once", "x+y", "91\u00a0%"):
        assert text in words
    each = len(found.metrics)
    assert f"{each * 2} tests of single mitigations, and {each} of pairs" in words
    rows = {row for row, _ in Reader(page).numbers}
    assert rows == {BASELINE, "lifo", "breaker", "lifo+breaker"}
    assert outside(page) == []


# --- the command ---------------------------------------------------------------------


def command(folder: Path, page: Path, *more: object):
    return invoke("compare", folder / "storm.yaml", "--mitigate", folder / "lifo.yaml", "--mitigate",
                  folder / "breaker.yaml", "--worlds", 4, "--runner", "inline", "--study",
                  folder / "by-command", "--html", page, *more)  # fmt: skip


def test_the_command_writes_the_page(folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "new" / "page.html"
    first = command(folder, page, "--json")
    assert first.exit_code == 0, first.output
    text = page.read_text()
    assert Reader(text).numbers == dict(of_document(json.loads(first.stdout)))
    claims = of_claims(json.loads(first.stdout))
    assert alike(Reader(text).claims, claims) and claims.keys() == {"lifo", "breaker"}
    assert f"--html {page}" in Reader(text).words and "by-command" in text
    assert command(folder, page, "--json").exit_code == 0
    assert page.read_text() == text
    assert [p.name for p in page.parent.iterdir()] == ["page.html"]


@pytest.mark.parametrize("place", ["a-file/page.html", "a-folder"])
def test_a_page_that_cannot_be_written_is_refused_first(folder: Path, tmp_path: Path, place: str) -> None:
    (tmp_path / "a-file").write_text("mine")
    (tmp_path / "a-folder").mkdir()
    result = command(folder, tmp_path / place, "--study", tmp_path / "never")
    assert result.exit_code == 2 and "--html" in result.output and place in result.output
    assert not (tmp_path / "never").exists(), "nothing runs for a page that cannot be written"
    assert (tmp_path / "a-file").read_text() == "mine" and not [*(tmp_path / "a-folder").iterdir()]


def test_a_disk_that_fills_up_leaves_the_old_page(
    report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "page.html"
    path.write_text("the old one")

    def full(self: Path, text: str, **_: object) -> int:
        self.write_bytes(text[:10].encode())
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space"):
        write(report, path)
    assert path.read_text() == "the old one" and [p.name for p in tmp_path.iterdir()] == ["page.html"]
