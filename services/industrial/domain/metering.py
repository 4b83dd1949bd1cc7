"""What a reading of a registered meter posts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from services.industrial.domain.entries import EXACT
from services.industrial.domain.facts import FINAL, Fact, Refused, worse
from services.industrial.domain.fuels import Fuels
from services.industrial.domain.postings import (
    Posting,
    in_meter_unit,
    metered,
    metered_over,
    times,
)
from services.industrial.domain.registers import Usage
from services.industrial.domain.registry import Enterprise, Meter, on_date
from services.industrial.domain.reviews import BACKWARDS, IMPOSSIBLE, Held
from services.industrial.domain.stretches import Stretch, alike, stretches
from shared.methodology import CARRIERS
from shared.units.amount import decimal_text, ratio_text
from shared.units.calendar import local_date

# A counter that falls by less than a tenth of its range ran backwards; it did not roll over.
ROLLOVER_TENTHS = 10

_DAY = timedelta(days=1)


@dataclass(slots=True)
class Metering:
    """One meter: its versions and those of its enterprise, oldest first, and what that measured
    of its fuels."""

    meter: Sequence[Meter]
    enterprise: Sequence[Enterprise]
    zone: ZoneInfo
    fuels: Fuels = field(default_factory=dict)

    # Keys of readings that a person has released: what they imply is true.
    released: set[bytes] = field(default_factory=set)

    def check(self, fact: Fact) -> None:
        """Refused when a counter's reading is not one of this kind of meter; Held when it shows
        more than the counter can."""
        shown = in_meter_unit(fact, fact.value, self._of_kind(fact, "register"))
        if fact.stands() and fact.key not in self.released:
            self._check_shown(fact, shown)

    def interval(self, fact: Fact) -> Posting:
        """The posting of an interval reading; Refused when it is not one of this kind of meter."""
        assert fact.starts is not None
        use = in_meter_unit(fact, fact.value, self._of_kind(fact, "interval"))
        spans = stretches(self.meter, fact.starts, fact.ends, self.zone)
        return self._metered(fact, use, fact.quality, spans)

    def usage(self, usage: Usage) -> Posting:
        """The posting of the use between two readings of a counter, at the worse quality.

        Held when the counter ran backwards.
        """
        previous, reading = usage
        spans = self._spans(usage)
        use = _used(previous, reading, spans[0].meter)
        return self._metered(reading, use, worse(previous.quality, reading.quality), spans)

    def possible_usage(self, usage: Usage) -> Posting:
        """The same; Held too when more was used than can flow."""
        posting = self.usage(usage)
        if self._is_limited() and self.released.isdisjoint((usage.previous.key, usage.reading.key)):
            self._check_flow(posting, usage.reading, self._spans(usage))
        return posting

    def check_interval(self, posting: Posting) -> None:
        """Held when an interval reading says that more was used than can flow."""
        fact = posting.fact
        assert fact.starts is not None
        if self._is_limited() and fact.key not in self.released:
            spans = stretches(self.meter, fact.starts, fact.ends, self.zone)
            self._check_flow(posting, fact, spans)

    def _is_limited(self) -> bool:
        return any(version.rate_max is not None for version in self.meter)

    def _check_flow(self, posting: Posting, fact: Fact, spans: Sequence[Stretch]) -> None:
        most = Fraction(0)
        for span in spans:
            if span.meter.rate_max is None:
                return
            most += Fraction(span.meter.rate_max) * span.hours()
        used = abs(sum((Fraction(piece.quantity) for piece in posting.pieces), Fraction(0)))
        if used > most:
            raise Held(
                IMPOSSIBLE, _too_much(fact, posting.unit, used, most, spans, self.zone), fact
            )

    def _check_shown(self, fact: Fact, shown: Decimal | Fraction) -> None:
        """On the day of a version either counter may have been read."""
        day = local_date(fact.ends, self.zone)
        most = Decimal(0)
        for version in (on_date(self.meter, day - _DAY), on_date(self.meter, day)):
            if version.register_max is None:
                return
            most = max(most, version.register_max)
        if shown > most:
            raise Held(
                IMPOSSIBLE,
                f"{fact.slot}: expected at most register_max {decimal_text(most)}, "
                f"got {_shown(fact)}",
                fact,
            )

    def _spans(self, usage: Usage) -> list[Stretch]:
        """A version from the day of an exchange is the new counter's: up to its final reading the
        old counter keeps its own, or the first, which holds before its day too."""
        previous, reading = usage
        versions = self.meter
        if len(versions) > 1 and reading.exchange == FINAL:
            day = local_date(reading.ends, self.zone)
            versions = [versions[0], *(v for v in versions[1:] if v.valid_from != day)]
        return stretches(versions, previous.ends, reading.ends, self.zone)

    def _metered(
        self, fact: Fact, use: Decimal | Fraction, quality: str, spans: Sequence[Stretch]
    ) -> Posting:
        if len(spans) > 1:
            spans = alike(spans)
        start, _, meter = spans[0]
        if len(spans) > 1:
            return metered_over(fact, use, quality, spans, self.enterprise, self.zone, self.fuels)
        quantity, span = times(use, meter.multiplier), (start, spans[-1].end)
        return metered(fact, quantity, quality, span, meter, self.enterprise, self.zone, self.fuels)

    def _of_kind(self, fact: Fact, kind: str) -> Meter:
        meter = self.meter[0]
        if meter.kind != kind:
            raise Refused(
                "wrong_kind",
                f"/data/kind: {fact.slot} is registered as {meter.kind}; expected that, got {kind}",
            )
        if CARRIERS[meter.carrier].needs_certificate and "evidence" not in fact.data:
            raise Refused(
                "certificate_required",
                f"/data/evidence: {fact.slot} meters {meter.carrier}; expected its certificate",
            )
        return meter


def _used(previous: Fact, reading: Fact, meter: Meter) -> Decimal | Fraction:
    before = in_meter_unit(previous, previous.value, meter)
    after = in_meter_unit(reading, reading.value, meter)
    if isinstance(before, Decimal) and isinstance(after, Decimal):
        use: Decimal | Fraction = EXACT.subtract(after, before)
    else:
        use = Fraction(after) - Fraction(before)
    if use >= 0:
        return use
    return _rolled_over(Fraction(before), Fraction(use), previous, reading, meter)


def _rolled_over(
    before: Fraction, fall: Fraction, previous: Fact, reading: Fact, meter: Meter
) -> Fraction:
    top = meter.register_max
    if top is not None and before <= top and -fall * ROLLOVER_TENTHS >= top:
        return fall + Fraction(top)
    expected = (
        "expected a rising counter, as the meter has no register_max"
        if top is None
        else f"expected a rising counter, or a rollover at register_max {decimal_text(top)}"
    )
    raise Held(
        BACKWARDS,
        f"{reading.slot}: {_shown(reading)} is below {_shown(previous)}; {expected}, or an exchange",
        reading,
    )


def _shown(reading: Fact) -> str:
    value = decimal_text(reading.value)
    return f"{value} {reading.unit} {reading.period()} (event {reading.id!r})"


def _too_much(
    fact: Fact, unit: str, used: Fraction, most: Fraction, spans: Sequence[Stretch], zone: ZoneInfo
) -> str:
    hours = sum((span.hours() for span in spans), Fraction(0))
    start, end = (at.astimezone(zone).isoformat() for at in (spans[0].start, spans[-1].end))
    return (
        f"{fact.slot}: {_text(used)} {unit} from {start} to {end} (event {fact.id!r}) is "
        f"{_text(used / hours)} {unit} per hour; expected at most rate_max {_text(most / hours)}"
    )


def _text(value: Fraction) -> str:
    return decimal_text(Decimal(ratio_text(value)))
