"""Farms without declared gross emissions, among their peers."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.grading.audit import AccountFigures, labels_against_accounts
from services.grading.domain import agri, farm_peers
from services.grading.domain.farm_peers import FarmPeers, percentile, taken
from services.grading.domain.rulebook import Rulebook
from shared.events.types import AgriAccount

NOW = datetime(2021, 6, 15, tzinfo=UTC)
NAMED = (2020, "planting")
GREENS = ("light_green", "medium_green", "deep_green")
Farm = Callable[..., AgriAccount]


@pytest.fixture
def undeclared(farm: Farm) -> Farm:
    """A farm of 100 ha that declares no emissions."""

    def _undeclared(neutralised: object, **changes: object) -> AgriAccount:
        fields = {"gross_t": Decimal(0), "area_ha": Decimal(100), **changes}
        return farm(neutralised_t=Decimal(str(neutralised)), **fields)

    return _undeclared


@pytest.fixture
def ten(rules: Rulebook, undeclared: Farm) -> FarmPeers:
    """Ten farms with 1 to 10 t per ha."""
    rule = rules.agri("planting", 2020)
    return taken([undeclared(n * 100) for n in range(1, 11)], rule, NAMED, NOW)


@pytest.mark.parametrize(
    ("share", "value"),
    [("0", "1"), ("1/2", "5.5"), ("0.8", "8.2"), ("1", "10")],
)
def test_percentiles_lie_between_neighbours(share: str, value: str) -> None:
    ordered = [Fraction(n) for n in range(1, 11)]
    assert percentile(ordered, Fraction(share)) == Fraction(value)


def test_the_cuts_of_ten_farms(ten: FarmPeers) -> None:
    assert (ten.farms, ten.per, ten.medium, ten.deep) == (10, "ha", "11/2", "41/5")


@pytest.mark.parametrize(
    ("neutralised", "label"),
    [
        ("0.000000001", "light_green"),
        ("549.999999999", "light_green"),
        ("550", "medium_green"),
        ("819.999999999", "medium_green"),
        ("820", "deep_green"),
        ("99999", "deep_green"),
    ],
)
def test_greens_among_peers(
    rules: Rulebook, undeclared: Farm, ten: FarmPeers, neutralised: str, label: str
) -> None:
    found = agri.grade(undeclared(neutralised), rules, ten)
    assert found.label == label and found.missing is None
    assert found.dimensions == {"neutralisation": "unknown", "peers": label}
    assert found.held_against == ("farm_peers", "planting/2020#0")
    assert "5.500000 (medium green) and 8.200000 (deep green) of 10 farms" in found.reason["en"]
    assert "10家" in found.reason["zh"]


def test_a_cut_that_no_decimal_holds_is_reached_by_its_farm(
    rules: Rulebook, undeclared: Farm
) -> None:
    thirds = [undeclared(1, area_ha=Decimal(3)) for _ in range(10)]
    peers = taken(thirds, rules.agri("planting", 2020), NAMED, NOW)
    assert peers.deep == "1/3"
    assert agri.grade(thirds[0], rules, peers).label == "deep_green"


def test_herds_are_compared_per_hundred_heads(rules: Rulebook, undeclared: Farm) -> None:
    """366 days of 700 pigs: 238.61 t per 7 hundred."""
    herd = undeclared("238.61", type="breeding", head_days=Decimal(700 * 366))
    rule = rules.agri("breeding", 2020)
    assert rule.peer_per == {
        "planting": "ha",
        "breeding": "100_heads",
        "organic_fertiliser": "100_heads",
    }
    assert farm_peers.figure(herd, "100_heads") == Fraction("238.61") / 7


@pytest.mark.parametrize(
    ("changes", "missing", "said"),
    [
        ({"neutralised": 0}, "nothing_neutralised", "Nothing was neutralised in 2020"),
        ({"neutralised": -5}, "nothing_neutralised", "Nothing was neutralised in 2020"),
        ({"area_ha": None}, "no_size", "no record gives the farm's size in ha"),
        ({"area_ha": Decimal(0)}, "no_size", "no record gives the farm's size in ha"),
    ],
)
def test_what_is_missing_among_peers(
    rules: Rulebook,
    undeclared: Farm,
    ten: FarmPeers,
    changes: dict[str, object],
    missing: str,
    said: str,
) -> None:
    found = agri.grade(undeclared(**{"neutralised": 500} | changes), rules, ten)
    assert (found.label, found.missing, found.reason["code"]) == ("ungraded", missing, missing)
    assert said in found.reason["en"]


def test_nine_peers_are_too_few(rules: Rulebook, undeclared: Farm, ten: FarmPeers) -> None:
    found = agri.grade(undeclared(500), rules, replace(ten, farms=9))
    assert (found.label, found.missing) == ("ungraded", "gross_not_declared")
    assert "fewer than 10 peers are known" in found.reason["en"]


def test_declared_emissions_go_before_peers(
    rules: Rulebook, undeclared: Farm, ten: FarmPeers
) -> None:
    found = agri.grade(undeclared(2000, gross_t=Decimal(10000)), rules, ten)
    assert (found.label, found.peers) == ("light_green", None)
    assert (found.intensity, found.intensity_per) == (Fraction(100), "ha")


def test_farms_without_size_or_gain_are_nobodys_peers(rules: Rulebook, undeclared: Farm) -> None:
    farms = [undeclared(100), undeclared(0), undeclared(-3), undeclared(100, area_ha=None)]
    assert taken(farms, rules.agri("planting", 2020), NAMED, NOW).farms == 1


def test_the_published_farm(rules: Rulebook, farm: Farm) -> None:
    """1099.1 t of 610.1 t emitted by its 700 pigs: deep green, 0.87 t per head."""
    herd = {"type": "breeding", "head_days": Decimal(700 * 366), "gross_t": Decimal("610.1")}
    found = agri.grade(farm(neutralised_t=Decimal("1099.107814263"), **herd), rules)
    assert (found.label, found.intensity_per) == ("deep_green", "100_heads")
    assert found.intensity == Fraction("610.1") / 7


@given(st.lists(st.fractions(0, 50), min_size=1, max_size=30), st.data())
def test_the_cuts_do_not_depend_on_the_order(values: list[Fraction], data: st.DataObject) -> None:
    mixed = data.draw(st.permutations(values))
    for share in (Fraction(1, 2), Fraction(4, 5)):
        cut = percentile(sorted(mixed), share)
        assert cut == percentile(sorted(values), share)
        assert min(values) <= cut <= max(values)


@given(st.lists(st.fractions(0, 20), min_size=2))
def test_more_per_hectare_is_never_a_paler_green(figures: list[Fraction]) -> None:
    peers = FarmPeers(2020, "planting", 1, "ha", 10, "11/2", "41/5", NOW)
    ranks = [GREENS.index(peers.colour(figure)) for figure in sorted(figures)]
    assert ranks == sorted(ranks)


def test_the_audit_compares_the_size_that_peers_rest_on() -> None:
    farm = AccountFigures(
        "agri:x", 2020, 1, 1, Decimal(5), Decimal(0), None, Decimal(9), Decimal(0)
    )
    assert not labels_against_accounts([farm], [replace(farm, area_ha=Decimal("9.00"))])
    [finding] = labels_against_accounts([farm], [replace(farm, area_ha=Decimal(8))])
    assert (finding.what, finding.expected.count("area_ha 9")) == ("agri:x 2020", 1)
