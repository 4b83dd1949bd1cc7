"""What the readings of an enterprise leave out."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from services.industrial.api.accounts import Reader, account_of, latest_year
from services.industrial.api.parameters import EnterpriseId, YearQuery
from services.industrial.store import gaps
from services.industrial.store.gaps import Meter, Span
from shared.auth.principal import require_subject
from shared.database import Connection
from shared.http.answers import (
    NOT_FOUND,
    Answer,
    DecimalText,
    Instant,
    Listing,
    answers,
    one_of,
    sample,
)
from shared.http.app import json_response
from shared.http.city import zone_of
from shared.http.paging import Page, listing, paging
from shared.units.amount import decimal_text
from shared.units.calendar import midnight

# So many meters are looked at for one page, which may then be shorter than its limit.
METERS_MAX = 50

# A meter, and the start and kind of its gap: the order of the list.
Place = tuple[str, datetime, str]
_BEGINNING = datetime.min.replace(tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_PLACES = Decimal("1e-6")

router = APIRouter(prefix="/v1/enterprises/{id}", tags=["accounts"])


class Gap(Answer, frozen=True, kw_only=True):
    """A time without readings, in the city's calendar."""

    meter_id: Annotated[str, sample("m-1")]
    kind: Annotated[str, one_of(("interval", "exchange", "month"))]
    start: Instant
    end: Instant
    hours: DecimalText


class _Year(NamedTuple):
    """A year of the city, and those of its months that have passed."""

    span: Span
    months: list[Span]
    zone: ZoneInfo


class _Found(NamedTuple):
    place: Place
    end: datetime


@router.get(
    "/gaps",
    summary="Times of which the meters tell nothing",
    responses=answers(Listing[Gap], NOT_FOUND),
)
async def get_gaps(
    request: Request,
    id: EnterpriseId,
    who: Reader,
    page: Annotated[Page, Depends(paging)],
    year: YearQuery = None,
) -> Response:
    """By meter: `interval` between two readings, `exchange` between two counters, and each elapsed
    `month` that no reading or use reaches into."""
    require_subject(who, id)
    after: Place = page.after(tuple[str, datetime, str]) or ("", _BEGINNING, "")
    zone = zone_of(request)
    async with request.app.state.pool.acquire() as connection:
        _, account = await account_of(connection, id)
        wanted = year or await latest_year(connection, account, request)
        calendar = _year(wanted, zone, request.app.state.clock())
        meters = await gaps.meters(connection, id, after[0], METERS_MAX + 1)
        found: list[_Found] = []
        for meter in meters[:METERS_MAX]:
            found += await _of_meter(connection, account, meter, calendar, after)
            if len(found) > page.limit:
                break
    shown = found[: page.limit]
    last: Place | None = None
    if len(found) > page.limit:
        last = shown[-1].place
    elif len(meters) > METERS_MAX:
        last = (meters[-1].id, _BEGINNING, "")
    items = [_gap(one, zone) for one in shown]
    return json_response(listing(items, page.next(*last) if last else None))


async def _of_meter(
    connection: Connection, account: int, meter: Meter, calendar: _Year, after: Place
) -> list[_Found]:
    """The gaps of one meter that come after a place of the list."""
    registered = midnight(meter.since, calendar.zone)
    months = [month for month in calendar.months if month[1] > registered]
    found = await gaps.gaps(connection, account, meter, calendar.span, months)
    places = [_Found((meter.id, gap.start, gap.kind), gap.end) for gap in found]
    return [one for one in places if one.place > after]


def _year(year: int, zone: ZoneInfo, now: datetime) -> _Year:
    begins = [midnight(date(year, month, 1), zone) for month in range(1, 13)]
    begins.append(midnight(date(year + 1, 1, 1), zone))
    months = [(start, end) for start, end in pairwise(begins) if end <= now]
    return _Year((begins[0], begins[-1]), months, zone)


def _gap(found: _Found, zone: ZoneInfo) -> Gap:
    meter_id, start, kind = found.place
    return Gap(
        meter_id=meter_id,
        kind=kind,
        start=start.astimezone(zone).isoformat(),
        end=found.end.astimezone(zone).isoformat(),
        hours=decimal_text((Decimal((found.end - start) // _SECOND) / 3600).quantize(_PLACES)),
    )
