"""Factors from what an enterprise has measured, with defaults for what it has not."""

from dataclasses import dataclass, replace
from fractions import Fraction

from shared.methodology.factors import CARBON_TO_CO2, Factor
from shared.methodology.reader import MethodologyError

MEASURED = "measured"


@dataclass(frozen=True, slots=True)
class Measured:
    """Properties of a fuel, or the heat of steam; None where the default holds.

    `ncv` in GJ per t or 1e4Nm3, `carbon` in tC per GJ, `oxidation` a share.
    """

    ncv: Fraction | None = None
    carbon: Fraction | None = None
    oxidation: Fraction | None = None


def with_measured(default: Factor, measured: Measured, version: str, evidence: str) -> Factor:
    """The factor of a fuel or of steam with measured properties in the place of the default ones.

    It stays marked as a fallback where a default of another set is still in it.
    MethodologyError for a factor that has no such properties.
    """
    if default.ncv_gj_per_unit is None or (default.carbon_t_per_gj is None and measured.carbon):
        raise MethodologyError(f"{default.id} has no property that could be measured")
    ncv = measured.ncv or default.ncv_gj_per_unit
    carbon = measured.carbon or default.carbon_t_per_gj
    oxidation = default.oxidation if measured.oxidation is None else measured.oxidation
    if carbon is None or oxidation is None:
        per_gj = default.t_per_unit / default.ncv_gj_per_unit
        left: list[str] = ["tCO2 per GJ"]
    else:
        per_gj = carbon * oxidation * CARBON_TO_CO2
        left = _left(measured)
    return replace(
        default,
        set=MEASURED,
        version=version,
        t_per_unit=ncv * per_gj,
        source=_source(evidence, left, default),
        confidence=MEASURED,
        fallback=default.fallback and bool(left),
        warning=default.warning if left else None,
        warning_zh=default.warning_zh if left else None,
        ncv_gj_per_unit=ncv,
        carbon_t_per_gj=carbon,
        oxidation=oxidation,
    )


def _left(measured: Measured) -> list[str]:
    """What the default still says."""
    parts = {
        "calorific value": measured.ncv,
        "carbon content": measured.carbon,
        "oxidation": measured.oxidation,
    }
    return [name for name, value in parts.items() if value is None]


def _source(evidence: str, left: list[str], default: Factor) -> str:
    rest = f"; {', '.join(left)}: {default.label}, {default.source}" if left else ""
    return f"measured, {evidence}{rest}"
