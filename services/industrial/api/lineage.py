"""An entry as it is shown: what was reported, the factor and where that comes from, the amount."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any, NamedTuple
from zoneinfo import ZoneInfo

from msgspec import UNSET, UnsetType

from services.industrial.domain.arrivals import READING
from services.industrial.domain.entries import CATEGORIES, decimal_of
from services.industrial.domain.fuels import MeasuredFuel
from services.industrial.domain.rates import meter_figure
from services.industrial.domain.registry import Enterprise, Meter, on_date
from services.industrial.store.past import Recorded, ever, known_then
from shared.database import Connection
from shared.http.answers import (
    Answer,
    DecimalText,
    EventName,
    Instant,
    Month,
    Tonnes,
    Warned,
    one_of,
    sample,
)
from shared.methodology import MEASURED, Factor, MethodologyError, methodology
from shared.units.amount import MG_PER_T, decimal_text, tonnes_text
from shared.units.calendar import local_date, next_month

_DAY = timedelta(days=1)
CAUSES = ("posted", "superseded", "replaced", "split", "restated")
REPORTED = ("purity", "content", "evidence")


class Reported(Answer, frozen=True, kw_only=True):
    """What the event said: of readings instants, of reports dates."""

    value: DecimalText
    unit: Annotated[str, sample("kWh")]
    start: Annotated[str, sample("2026-01-01T00:00:00+08:00")] | None
    end: Annotated[str, sample("2026-01-01T00:15:00+08:00")]
    purity: Any | UnsetType = UNSET
    content: Any | UnsetType = UNSET
    evidence: Any | UnsetType = UNSET


class EntryShown(Answer, frozen=True, kw_only=True):
    """quantity x factor = amount, and every name behind it.

    `line` counts those of the event; `reverses` is the line of it that this one takes back.
    """

    event: EventName
    reported: Reported
    line: int
    month: Month
    category: Annotated[str, one_of(CATEGORIES)]
    activity: Annotated[str, sample("electricity")]
    meter_id: Annotated[str, sample("m-1")] | None
    multiplier: DecimalText | None
    asset_id: Annotated[str, sample("line-1")] | None
    quantity: DecimalText
    unit: Annotated[str, sample("kWh")]
    quality: Annotated[str, sample("actual")]
    factor_mg_per_unit: DecimalText
    factor_id: Annotated[str, sample("grid.zhejiang")] | None
    factor_set: Annotated[str, sample("grid")] | None
    factor_version: Annotated[str, sample("2023")] | None
    factor_source: Annotated[str, sample("MEE announcement 2025-72")] | None
    confidence: Annotated[str, sample("V")] | None
    fallback: bool
    warning: Warned | None
    rule: Annotated[str, sample("interval")]
    amount_t: Tonnes
    amount_mg: int
    reverses: int | None
    reason: Annotated[str, one_of(CAUSES)]
    cause: EventName
    sequence: int
    posted_at: Instant


class Lineage(NamedTuple):
    """The registry that the entries of an enterprise were computed with."""

    enterprise: Sequence[Enterprise]
    fuels: Mapping[str, Sequence[Recorded[MeasuredFuel]]]
    meters: Mapping[str, Sequence[Recorded[Meter]]]
    zone: ZoneInfo


async def lineage_of(
    connection: Connection, enterprise: Sequence[Enterprise], rows: Sequence[Any], zone: ZoneInfo
) -> Lineage:
    """The registry behind a page of entries."""
    id, meters = enterprise[0].id, {row["meter_id"] for row in rows} - {None}
    measured = {row["activity"] for row in rows if row["factor_set"] == MEASURED}
    fuels = await ever(connection, MeasuredFuel, measured, id)
    return Lineage(enterprise, fuels, await ever(connection, Meter, meters, id), zone)


def shown(row: Any, lineage: Lineage) -> EntryShown:
    """An entry: quantity x factor = amount, in mg, and every name behind it."""
    figure = _figure(row, lineage)
    source, confidence = _origin(row, figure)
    return EntryShown(
        event=EventName(source=row["source"], id=row["event_id"]),
        reported=_reported(row, lineage.zone),
        line=row["line"],
        month=row["month"].strftime("%Y-%m"),
        category=row["category"],
        activity=row["activity"],
        meter_id=row["meter_id"],
        multiplier=_multiplier(row, lineage),
        asset_id=row["asset_id"],
        quantity=decimal_text(row["quantity"]),
        unit=row["unit"],
        quality=row["quality"],
        factor_mg_per_unit=decimal_text(row["factor"]),
        factor_id=row["factor_id"],
        factor_set=row["factor_set"],
        factor_version=row["factor_version"],
        factor_source=source,
        confidence=confidence,
        fallback=row["fallback"],
        warning=_warning(row, figure),
        rule=row["rule"],
        amount_t=tonnes_text(row["amount_mg"]),
        amount_mg=row["amount_mg"],
        reverses=row["reverses"],
        reason=row["cause"],
        cause=EventName(source=row["cause_source"], id=row["cause_id"]),
        sequence=row["sequence"],
        posted_at=row["posted_at"].isoformat(),
    )


def _reported(row: Any, zone: ZoneInfo) -> Reported:
    """What the event said: readings have instants, reports dates (kept as midnight UTC)."""
    is_reading = row["kind"] == READING
    starts, ends = (
        at and (at.astimezone(zone) if is_reading else at.date()).isoformat()
        for at in (row["starts"], row["ends"])
    )
    told = {name: row["data"][name] for name in REPORTED if name in row["data"]}
    value = decimal_text(row["value"])
    return Reported(value=value, unit=row["reported_unit"], start=starts, end=ends, **told)


def _multiplier(row: Any, lineage: Lineage) -> str | None:
    """Of the meter's version that counted, as it was known then; None where two with other
    multipliers may have."""
    recorded = lineage.meters.get(row["meter_id"] or "")
    if not recorded:
        return None
    versions = known_then(recorded, row["computed_at"])
    month: date = row["month"]
    first, last = month - _DAY, next_month(month) - _DAY
    if row["starts"] is not None:
        first = max(month, local_date(row["starts"], lineage.zone))
    last = min(last, local_date(row["ends"] - timedelta.resolution, lineage.zone))
    begun = {v.multiplier for v in versions if first < v.valid_from <= last}
    known = begun | {on_date(versions, first).multiplier}
    return decimal_text(known.pop()) if len(known) == 1 else None


def _figure(row: Any, lineage: Lineage) -> Factor | None:
    """The figure of a meter's entry; None without one.

    Of what was measured, that of the record which gives the entry's factor: the one known then,
    else another; without any the one known then.
    """
    if row["factor_set"] is None or row["meter_id"] is None:
        return None
    if row["factor_set"] != MEASURED:
        return _computed(row, lineage, None)
    recorded = lineage.fuels.get(row["activity"], ())
    records = [*known_then(recorded, row["computed_at"]), *(one.record for one in recorded)]
    day = date.fromisoformat(row["factor_version"])
    found = [_computed(row, lineage, record) for record in records if record.valid_from == day]
    gave = (figure for figure in found if figure is not None and _gives(figure, row))
    return next(gave, found[0] if found else None)


def _computed(row: Any, lineage: Lineage, measured: MeasuredFuel | None) -> Factor | None:
    """With the registration and the figures of now."""
    enterprise, month = on_date(lineage.enterprise, row["month"]), row["month"]
    known = (enterprise.sector, enterprise.grid_region, month, measured)
    try:
        return meter_figure(row["activity"], *known)
    except MethodologyError:
        return None


def _gives(figure: Factor, row: Any) -> bool:
    factor = decimal_of(figure.tonnes(Decimal(1), row["unit"]) * MG_PER_T)
    return bool(factor == row["factor"])


def _warning(row: Any, figure: Factor | None) -> Warned | None:
    """In which way the figure of an entry stands in for another one, while it is still taken."""
    if figure is None or figure.warning is None:
        return None
    named = (row["factor_id"], row["factor_set"], row["factor_version"])
    if (figure.id, figure.set, figure.version) != named:
        return None
    return Warned(en=figure.warning, zh=figure.warning_zh)


def _origin(row: Any, figure: Factor | None) -> tuple[str | None, str | None]:
    """Source and confidence of the figure that an entry names."""
    if row["factor_set"] is None:
        return None, None
    if row["factor_set"] == MEASURED:
        return _measured(row, figure), MEASURED
    found = methodology().origin(row["factor_set"], row["factor_version"], row["factor_id"])
    return (None, None) if found is None else (found.source, found.confidence)


def _measured(row: Any, figure: Factor | None) -> str | None:
    """The evidence of a measured figure; says so when it gives another factor by now."""
    if figure is None:
        return None
    same = _gives(figure, row)
    return figure.source if same else f"{figure.source} (corrected since this entry)"
