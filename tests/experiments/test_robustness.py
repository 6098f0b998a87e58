"""How far a claim holds is what it would be by hand; what decides is named, what decides nothing is not."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from SALib.analyze import pawn as salib

import twin
from tests.cli.conftest import invoke
from tests.statistics.rates import usually
from twin.experiments.arms import Arm
from twin.experiments.compare import compared
from twin.experiments.comparison import WORTH_RATIO, ArmVerdict, ComparisonPlan
from twin.experiments.robustness import (
    SLICES,
    ArmClaim,
    Robustness,
    changed_places,
    deciders,
    null_indices,
    pawn,
    robustness,
)
from twin.experiments.study import Setting, Study
from twin.experiments.wide_comparison import variants_of
from twin.model.changes import Variant, Variation
from twin.model.scenario import Quantity
from twin.results.metrics import PRIMARY
from twin.statistics.group_sequential import ERROR

STORM = Path("scenarios/examples/retry-storm.yaml")
NUMBERS, WORLDS = 40, 64


def change(name: str, **values: object) -> Arm:
    given = {f"front.{k}": Quantity(value=v, assumed="a test") for k, v in values.items()}
    return Arm(name, (Variation(parameters=given),))


def a_model(seed: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """An arm saves 100 where ``decides`` is low, and next to nothing where it is high; the rest is noise."""
    rng = np.random.default_rng(seed)
    at = {f"dummy-{k}": rng.random(WORLDS) for k in range(NUMBERS - 1)} | {"decides": rng.random(WORLDS)}
    saved = np.where(at["decides"] < 0.5, -100.0, -5.0)
    return at, saved + rng.normal(0.0, 20.0, WORLDS)


@pytest.mark.slow
def test_the_number_that_decides_is_named_and_no_other() -> None:
    def right(seed: int) -> bool:
        return [d.target for d in deciders(*a_model(seed))] == ["decides"]

    def silent(seed: int) -> bool:
        """With each number held against the law of nothing by itself."""
        at, values = a_model(seed)
        index = pawn(np.column_stack(list(at.values())), values)
        alone = np.quantile(null_indices(values), 1 - ERROR)
        return not any(index[k] > alone for k, target in enumerate(at) if target != "decides")

    assert usually(right)
    assert not usually(silent), "a check that cannot fail: without the correction, noise is named"


def test_where_nothing_decides_nothing_is_named() -> None:
    rng = np.random.default_rng(5)
    at = {f"dummy-{k}": rng.random(WORLDS) for k in range(NUMBERS)}
    assert sum(bool(deciders(at, rng.normal(size=WORLDS))) for _ in range(10)) <= 2
    assert deciders(at, np.zeros(WORLDS)) == ()
    assert deciders(at, a_model(1)[1][:12]) == (), "too few worlds to say anything"


def test_more_claims_ask_for_more() -> None:
    at, values = a_model(3)
    (one,), (many,) = deciders(at, values), deciders(at, values, 20)
    assert one.p < many.p <= ERROR and one.rank_correlation > 0.5


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # SALib also computes p-values
@pytest.mark.parametrize("digits", [17, 1, 0])
def test_indices_are_those_of_salib(digits: int) -> None:
    """Where values and places are all different, where many are equal, and where a slice is empty."""
    rng = np.random.default_rng(digits)
    x, values = np.round(rng.random((50, 9)), digits), np.round(rng.normal(size=50), digits)
    problem = {"num_vars": 9, "names": list("abcdefghi")}
    assert pawn(x, values) == pytest.approx(salib.analyze(problem, x, values, S=SLICES)["mean"], abs=1e-12)


def test_the_law_of_nothing_is_that_of_random_numbers() -> None:
    """Its quantiles against those of as many random columns; with ties too."""
    rng = np.random.default_rng(2)
    for values in (rng.normal(size=50), np.round(rng.normal(size=50)), (rng.random(50) < 0.2) * 1.0):
        index = pawn(rng.random((50, 800)), values)
        law = null_indices(values, 8192)
        at = [0.1, 0.5, 0.9]
        assert np.quantile(law, at) == pytest.approx(np.quantile(index, at), abs=0.012)


@pytest.fixture(scope="module")
def setting() -> Setting:
    base = twin.load(STORM, until="+20m")
    strong = Variant(
        variant="strong", title="so strong that nothing happens", assumed="a test",
        parameters={"front.capacity_per_s": Quantity(value=50_000.0, assumed="a test")},
    )  # fmt: skip
    alike = Variant(variant="alike", title="the same", assumed="a test")
    return Setting({"storm": base}, {"strong": strong, "alike": alike})


def test_the_share_of_the_prior_and_the_variants(setting: Setting, tmp_path: Path) -> None:
    arms = (change("lifo", discipline="lifo"), change("same", discipline="fifo"))
    question = ComparisonPlan("storm", arms, 12, 600.0, interim=False)
    with Study(setting, tmp_path) as study:
        found = compared(study, question)
        alike, strong = (
            compared(study, ComparisonPlan("storm", arms, 12, 600.0, interim=False, variant=v))
            for v in ("alike", "strong")
        )
    base = setting.bases["storm"]
    both = robustness(found, base, {"alike": alike, "strong": strong})
    lifo, d = found.arms[0], found.arms[0].values[PRIMARY] - found.values[PRIMARY]
    assert lifo.verdict == "helps"
    worth = WORTH_RATIO * found.values[PRIMARY].mean()
    held = both["lifo"].holds
    assert held is not None and held.count == int((d <= -worth).sum()) and held.n == len(d)
    assert both["lifo"].robust is False, "where nothing happens it does not help"
    assert robustness(found, base, {"alike": alike})["lifo"].robust is True
    assert both["same"].claim == ArmClaim.SAME and both["same"].holds.ratio == 1.0
    alone = robustness(found, base)
    assert alone["lifo"].robust is None and alone["lifo"].as_json()["variants"] == {}


def test_arms_that_change_places_hang_on_the_model(setting: Setting, tmp_path: Path) -> None:
    """In the other model the first arm loses as much as the second did, and the other way round."""
    arms = (
        change("lifo", discipline="lifo"),
        change("lifo-and-strong", discipline="lifo", capacity_per_s=50000.0),
    )
    with Study(setting, tmp_path) as study:
        found = compared(study, ComparisonPlan("storm", arms, 12, 600.0, interim=False))
    first, second = found.arms
    swapped = (replace(first, values=second.values), replace(second, values=first.values))
    other = replace(found, arms=swapped)
    assert changed_places(found, found) == {"lifo": (), "lifo-and-strong": ()}
    assert changed_places(found, other) == {"lifo": ("lifo-and-strong",), "lifo-and-strong": ("lifo",)}
    about = {"x": Variant(variant="x", title="x", about="which is the stronger", assumed="a test")}
    sure = robustness(found, setting.bases["storm"], {"x": other}, about)["lifo"]
    assert sure.against == {} and sure.robust is False
    assert sure.hangs_on == {"which is the stronger": "in x: changes places with lifo-and-strong"}


def test_no_claim_is_neither_robust_nor_held() -> None:
    nothing = Robustness(ArmClaim.NONE, None, {"x": ArmVerdict.NOT_SIGNIFICANT})
    assert nothing.robust is None and nothing.as_json()["share"] is None
    harms = Robustness(ArmClaim.NONE, None, {"x": ArmVerdict.HARMS}, about={"x": "leases"})
    assert harms.robust is False and harms.hangs_on == {"leases": "in x: harms"}


def test_the_command_says_it(tmp_path: Path) -> None:
    folder = tmp_path / "mitigations"
    folder.mkdir()
    (folder / "lifo.yaml").write_text(
        "mitigation: lifo\ntitle: Last in\ndoes: as it says\nproposed_by: a test\nassumed: a test\n"
        "cost: {class: setting, reason: a test}\nset: {front.discipline: lifo}\n"
    )
    common = ("compare", STORM, "--until", "+20m", "--mitigations", folder, "--mitigate", "lifo", "--study",
              tmp_path / "study", "--worlds", "16", "--runner", "inline")  # fmt: skip
    said = invoke(*common, "--json")
    assert said.exit_code == 0, said.output
    (arm,) = json.loads(said.stdout)["mitigations"]
    assert arm["robustness"]["claim"] == "helps" and arm["robustness"]["worlds"] == 16
    assert 0 < arm["robustness"]["ci95"][0] < arm["robustness"]["share"] <= 1
    table = invoke(*common)
    assert "holds in" in table.stdout and "the share of the prior" in table.stdout


def test_the_command_asks_every_variant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing ever breaks, what helps in the shipped model makes no difference: not robust."""
    folder = tmp_path / "variants"
    folder.mkdir()
    (folder / "strong.yaml").write_text(
        "variant: strong\ntitle: So strong that nothing happens\nabout: its strength\nassumed: a test\n"
        "set: {front.capacity_per_s: 50000/s}\n"
    )
    monkeypatch.setattr("twin.experiments.wide_comparison.VARIANTS", folder)
    lifo = tmp_path / "lifo.yaml"
    lifo.write_text(
        "mitigation: lifo\ntitle: Last in\ndoes: as it says\nproposed_by: a test\nassumed: a test\n"
        "cost: {class: setting, reason: a test}\nset: {front.discipline: lifo}\n"
    )
    said = invoke("compare", STORM, "--until", "+20m", "--mitigate", lifo, "--study",
                  tmp_path / "study", "--worlds", "12", "--runner", "inline", "--json",
                  "--html", tmp_path / "page.html")  # fmt: skip
    assert said.exit_code == 0, said.output
    (arm,) = json.loads(said.stdout)["mitigations"]
    assert arm["robustness"]["claim"] == "helps" and arm["robustness"]["robust"] is False
    ((name, words),) = arm["robustness"]["variants"].items()
    assert name == "strong"
    assert arm["robustness"]["hangs_on"] == {"its strength": f"in strong: {words}"}
    page = (tmp_path / "page.html").read_text()
    assert f"It hangs on the model, on its strength: in strong: {words}." in page
    assert "48 runs planned" in said.stderr and "the same in the variant strong" in said.stderr


def test_a_variant_of_another_topology_is_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Those in the repository name a service that this scenario does not have."""
    base, heard = twin.load(STORM), []
    assert variants_of(base, heard.append) == {}
    assert len(heard) == 1 and "variants left out, as they do not fit: dwfm-fifo, " in heard[0]
    with pytest.raises(twin.SpecError, match="service 'dwfm'"):
        variants_of(base, which="dwfm-fifo")
    with pytest.raises(twin.SpecError, match=r"did you mean dwfm-fifo"):
        variants_of(base, which="dwfm-fif")
    assert variants_of(base, heard.append, "none") == {} and len(heard) == 1
    (tmp_path / "wrong.yaml").write_text("variant: wrong\nassumed: a test\nnonsense: {front.x: 1}\n")
    monkeypatch.setattr("twin.experiments.wide_comparison.VARIANTS", tmp_path)
    with pytest.raises(twin.SpecError, match="nonsense"):
        variants_of(base)
