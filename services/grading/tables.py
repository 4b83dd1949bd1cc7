"""Tables of the grading service beside the engine's own, in the schema `grading`."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from shared.database import tables
from shared.webhooks.tables import add_tables

metadata = tables.metadata("grading")


def _account_and_year() -> tuple[Column[int], Column[int]]:
    return (
        Column("account", BigInteger, primary_key=True, autoincrement=False),
        Column("year", Integer, primary_key=True, autoincrement=False),
    )


def _text(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Text, nullable=nullable)


def _instant(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


def _account_state(metadata: MetaData) -> None:
    """The newest state of each account and year; `data` is the event's data as it came."""
    state = Table(
        "account_state",
        metadata,
        *_account_and_year(),
        _text("kind"),
        Column("epoch", Integer, nullable=False),
        Column("sequence", BigInteger, nullable=False),
        _text("sector"),
        _text("district"),
        _text("product", nullable=True),
        _text("product_unit", nullable=True),
        Column("total_t", Numeric, nullable=False),
        Column("gross_t", Numeric),
        Column("output", Numeric),
        Column("value_added", Numeric),
        Column("months_energy", Integer),
        Column("months_output", Integer),
        Column("quality", JSONB),
        Column("data", JSONB, nullable=False),
        postgresql_with={"fillfactor": 70},
    )
    Index("account_state_sector_product", state.c.sector, state.c.product)
    Index("account_state_year", state.c.year)


def _label(metadata: MetaData) -> None:
    """The label of each account and year as it stands; fractions are exact."""
    label = Table(
        "label",
        metadata,
        *_account_and_year(),
        _text("kind"),
        _text("sector"),
        Column("n", Integer, nullable=False),
        _text("label"),
        _text("missing", nullable=True),
        *(
            Column(f"{figure}_{part}", Numeric)
            for figure in ("intensity", "ratio")
            for part in ("numerator", "denominator")
        ),
        Column("benchmark", JSONB),
        Column("dimensions", JSONB, nullable=False),
        Column("reason", JSONB, nullable=False),
        _text("rule_version"),
        _instant("decided_at"),
        _instant("valid_until", nullable=True),
        _instant("looked_at"),
        _text("cause"),
        Column("city", JSONB),
        Column("contested", Boolean, nullable=False),
        Column("suspended", Boolean, nullable=False),
        _text("intensity_per", nullable=True),
        Column("peers", JSONB),
        # The end of its validity that has been announced.
        _instant("expiry_told", nullable=True),
        postgresql_with={"fillfactor": 70},
    )
    Index("label_label", label.c.label)
    untold = label.c.expiry_told.is_distinct_from(label.c.valid_until)
    Index("label_expiring", label.c.valid_until, postgresql_where=untold)


def _label_history(metadata: MetaData) -> None:
    """Append-only: one row per label that was announced; `data` is what was sent."""
    Table(
        "label_history",
        metadata,
        *_account_and_year(),
        Column("n", Integer, primary_key=True, autoincrement=False),
        Column("epoch", Integer, nullable=False),
        Column("sequence", BigInteger, nullable=False),
        _text("label"),
        _text("previous", nullable=True),
        Column("ratio_numerator", Numeric),
        Column("ratio_denominator", Numeric),
        _text("benchmark_version", nullable=True),
        _text("rule_version"),
        Column("data", JSONB, nullable=False),
        _instant("decided_at"),
        _text("cause"),
    )


def _benchmark(metadata: MetaData) -> None:
    """Append-only: each correction or withdrawal of a benchmark is a version of its own."""
    Table(
        "benchmark",
        metadata,
        Column("sector", Text, primary_key=True),
        Column("product", Text, primary_key=True),
        Column("year", Integer, primary_key=True, autoincrement=False),
        Column("version", Integer, primary_key=True, autoincrement=False),
        _text("unit"),
        Column("value", Numeric, nullable=False),
        *(Column(colour, Numeric) for colour in ("deep_green", "light_green", "yellow")),
        _text("kind"),
        _text("source"),
        Column("valid_from", Date),
        Column("basis", JSONB),
        Column("withdrawn", Boolean, nullable=False),
        _text("recorded_by"),
        _instant("recorded_at"),
    )


def _city_mean(metadata: MetaData) -> None:
    """Append-only: the sums of the city's accounts of a year, each time they were taken."""
    Table(
        "city_mean",
        metadata,
        Column("year", Integer, primary_key=True, autoincrement=False),
        Column("version", Integer, primary_key=True, autoincrement=False),
        Column("accounts", Integer, nullable=False),
        Column("total_t", Numeric, nullable=False),
        Column("value_added", Numeric, nullable=False),
        _instant("taken_at"),
        _text("taken_by"),
    )


def _farm_peers(metadata: MetaData) -> None:
    """Append-only: the cut points of a type of farm in a year, each time they were taken."""
    Table(
        "farm_peers",
        metadata,
        Column("year", Integer, primary_key=True, autoincrement=False),
        Column("type", Text, primary_key=True),
        Column("version", Integer, primary_key=True, autoincrement=False),
        _text("per"),
        Column("farms", Integer, nullable=False),
        _text("medium", nullable=True),
        _text("deep", nullable=True),
        _instant("taken_at"),
        _text("taken_by"),
    )


def _appeal(metadata: MetaData) -> None:
    """Against the n-th label of a year; `regraded` is what the grading anew gave."""
    appeal = Table(
        "appeal",
        metadata,
        Column("account", BigInteger, primary_key=True, autoincrement=False),
        Column("id", Uuid, primary_key=True),
        Column("year", Integer, nullable=False),
        Column("n", Integer, nullable=False),
        _text("label"),
        _text("reason"),
        _text("evidence", nullable=True),
        _text("status"),
        _text("client"),
        _instant("created_at"),
        _text("note", nullable=True),
        _text("decided_by", nullable=True),
        _instant("decided_at", nullable=True),
        Column("regraded", JSONB),
    )
    opened = appeal.c.status == "open"
    Index("appeal_open", appeal.c.account, appeal.c.year, unique=True, postgresql_where=opened)
    Index("appeal_id", appeal.c.id)
    Index("appeal_status", appeal.c.status, appeal.c.created_at)


def _clock(metadata: MetaData) -> None:
    """The month and the rules by which labels have been looked at; one row."""
    Table(
        "clock",
        metadata,
        Column("one", Boolean, primary_key=True),
        Column("month", Date, nullable=False),
        _text("rules"),
    )


for _add in (
    _account_state,
    _label,
    _label_history,
    _benchmark,
    _city_mean,
    _farm_peers,
    _appeal,
    _clock,
):
    _add(metadata)
add_tables(metadata)
