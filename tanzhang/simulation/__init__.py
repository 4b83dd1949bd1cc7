"""A simulated city: the same seed gives the same enterprises, farms, customers and events."""

from tanzhang.simulation.golden import Expected
from tanzhang.simulation.oracle import PaymentTotals
from tanzhang.simulation.registration import Registration
from tanzhang.simulation.whole_city import City, Posting, city

__all__ = ["City", "Expected", "PaymentTotals", "Posting", "Registration", "city"]
