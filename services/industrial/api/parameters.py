"""Parameters that many routes take, as they are described."""

from typing import Annotated

from fastapi import Path, Query

from services.industrial.domain.fuels import MEASURABLE
from shared.events.identifiers import ENTERPRISE_PATTERN
from shared.http.parameters import DayAsked, InstantAsked, YearAsked

EnterpriseId = Annotated[
    str,
    Path(
        description="Its unified social credit code",
        examples=["91330800704205947U"],
        json_schema_extra={"pattern": ENTERPRISE_PATTERN},
    ),
]
AssetId = Annotated[str, Path(description="The asset's id in the enterprise", examples=["line-1"])]
MeterId = Annotated[str, Path(description="The meter's id in the city", examples=["m-1"])]
CarrierName = Annotated[
    str,
    Path(
        description="What can be measured",
        examples=["natural_gas"],
        json_schema_extra={"enum": list(MEASURABLE)},
    ),
]
YearQuery = Annotated[
    YearAsked | None,
    Query(
        description="A year of the city's calendar; without, the last one that has figures",
        examples=[2026],
    ),
]
On = Annotated[
    DayAsked | None,
    Query(description="As it holds on this day; without, the newest", examples=["2026-05-31"]),
]
Known = Annotated[
    InstantAsked | None,
    Query(description="What was known then, before later corrections: a time with its offset"),
]
