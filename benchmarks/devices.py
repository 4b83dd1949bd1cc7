"""Meter readings as `readings` has them, of a hundred devices in each of 600 enterprises."""

from benchmarks import readings
from benchmarks.options import Options
from benchmarks.report import Result


async def run(options: Options) -> list[Result]:
    """Readings per second from the first one posted to the last."""
    return await readings.measure(options, readings.DEVICES_METERED)
