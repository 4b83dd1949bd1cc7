"""What a reading of a registered meter posts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from services.industrial.domain.entries import EXACT
from services.industrial.domain.facts import Fact, Refused, worse
from services.industrial.domain.postings import Posting, in_meter_unit, metered, times
from services.industrial.domain.registers import Usage
from services.industrial.domain.registry import Enterprise, Meter, on_date
from shared.methodology import CARRIERS
from shared.units.amount import decimal_text
from shared.units.calendar import local_date

# A counter that falls by less than a tenth of its range ran backwards; it did not roll over.
ROLLOVER_TENTHS = 10


@dataclass(slots=True)
class Metering:
    """One meter: its versions and those of its enterprise, oldest first."""

    meter: Sequence[Meter]
    enterprise: Sequence[Enterprise]
    zone: ZoneInfo

    def check(self, fact: Fact) -> None:
        """Refused when a counter's reading is not one of this kind of meter."""
        in_meter_unit(fact, fact.value, self._of_kind(fact, fact.ends, "register"))

    def interval(self, fact: Fact) -> Posting:
        """The posting of an interval reading; Refused when it is not one of this kind of meter."""
        assert fact.starts is not None
        meter = self._of_kind(fact, fact.starts, "interval")
        quantity = times(in_meter_unit(fact, fact.value, meter), meter.multiplier)
        span = (fact.starts, fact.ends)
        return metered(fact, quantity, fact.quality, span, meter, self.enterprise, self.zone)

    def usage(self, usage: Usage) -> Posting:
        """The posting of the use between two readings of a counter, at the worse quality."""
        previous, reading = usage
        meter = self._version(previous.ends)
        quantity = times(_used(previous, reading, meter), meter.multiplier)
        quality = worse(previous.quality, reading.quality)
        span = (previous.ends, reading.ends)
        return metered(reading, quantity, quality, span, meter, self.enterprise, self.zone)

    def _of_kind(self, fact: Fact, at: datetime, kind: str) -> Meter:
        meter = self._version(at)
        if meter.kind != kind:
            raise Refused(
                "wrong_kind",
                f"/data/kind: {fact.slot} is registered as {meter.kind}; expected that, got {kind}",
            )
        if CARRIERS[meter.carrier].kind == "green_power" and "evidence" not in fact.data:
            raise Refused(
                "certificate_required",
                f"/data/evidence: {fact.slot} meters green power; expected its certificate",
            )
        return meter

    def _version(self, at: datetime) -> Meter:
        """Most meters have one version only: then the day doesn't matter."""
        if len(self.meter) == 1:
            return self.meter[0]
        return on_date(self.meter, local_date(at, self.zone))


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
    raise Refused(
        "register_backwards",
        f"{reading.slot}: {decimal_text(reading.value)} {reading.unit} {reading.period()} (event {reading.id!r}) "
        f"is below {decimal_text(previous.value)} {previous.unit} {previous.period()} (event {previous.id!r}); "
        + expected,
    )
