"""Every Prometheus metric of the project, declared here and nowhere else.

Names end in their unit. Labels are closed sets or small ones (topics, partitions, clients),
never accounts. `table()` gives the list for the documentation.
"""

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_AGES = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 86400)
_ROWS = (1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500)

EVENTS_IN = Counter(
    "tanzhang_events_in",
    "Events sent to the door; outcome is accepted, rejected, or unavailable (Kafka was away)",
    ["service", "type", "client", "outcome"],
)
ENQUEUED_BYTES = Gauge(
    "tanzhang_enqueued_bytes",
    "Bytes of events that Kafka has not acknowledged yet",
    ["service"],
)
EVENTS_POSTED = Counter("tanzhang_events_posted", "Events posted to the ledger", ["service"])
DUPLICATES = Counter("tanzhang_duplicates", "Events that had been posted before", ["service"])
DEAD_LETTERS = Counter("tanzhang_dead_letters", "Events that were set aside", ["service", "reason"])
BATCH_SECONDS = Histogram(
    "tanzhang_batch_seconds",
    "Time from having a batch of records to its commit",
    ["service"],
    buckets=_SECONDS,
)
BATCH_ROWS = Histogram("tanzhang_batch_rows", "Records per batch", ["service"], buckets=_ROWS)
DATABASE_SECONDS = Histogram(
    "tanzhang_database_seconds",
    "Time of the database in a batch, from begin to commit",
    ["service"],
    buckets=_SECONDS,
)
EVENT_AGE_SECONDS = Histogram(
    "tanzhang_event_age_seconds",
    "Time from acceptance by the door (or the service before) to the commit of the posting",
    ["service"],
    buckets=_AGES,
)
LAG = Gauge(
    "tanzhang_lag_records",
    "Records in the log after the committed position",
    ["service", "topic", "partition"],
)
OUTBOX_WAITING = Gauge(
    "tanzhang_outbox_waiting_rows", "Outgoing events that are not in Kafka yet", ["service"]
)
PARKED = Gauge(
    "tanzhang_parked_events", "Events waiting for what they need to be posted", ["service"]
)
FENCED = Counter(
    "tanzhang_fenced", "Batches rolled back because another worker has the partition", ["service"]
)
STOPPED_PARTITIONS = Gauge(
    "tanzhang_stopped_partitions",
    "Partitions stopped after too many unexpected failures in a row",
    ["service"],
)
IDLE = Gauge("tanzhang_idle", "1 when there is nothing to read and nothing to send", ["service"])
PROGRESS_TIMESTAMP = Gauge(
    "tanzhang_progress_timestamp_seconds",
    "Unix time of the worker's last look at the log",
    ["service"],
)
CITY_TONNES = Gauge(
    "tanzhang_city_tonnes",
    "Tonnes of CO2e in the ledgers: industrial total, agri neutralised, personal reduced",
    ["kind"],
)
CITY_LABELS = Gauge("tanzhang_city_labels", "Accounts by their current label", ["kind", "label"])
CITY_ACCOUNTS = Gauge(
    "tanzhang_city_accounts", "Accounts: enterprises, farms, bank customers", ["kind"]
)
POINTS_ISSUED = Gauge(
    "tanzhang_points_issued", "Points issued, less what was taken back or has expired"
)
POINTS_REDEEMED = Gauge("tanzhang_points_redeemed", "Points redeemed for rewards")

METRICS: tuple[MetricWrapperBase, ...] = (
    EVENTS_IN,
    ENQUEUED_BYTES,
    EVENTS_POSTED,
    DUPLICATES,
    DEAD_LETTERS,
    BATCH_SECONDS,
    BATCH_ROWS,
    DATABASE_SECONDS,
    EVENT_AGE_SECONDS,
    LAG,
    OUTBOX_WAITING,
    PARKED,
    FENCED,
    STOPPED_PARTITIONS,
    IDLE,
    PROGRESS_TIMESTAMP,
    CITY_TONNES,
    CITY_LABELS,
    CITY_ACCOUNTS,
    POINTS_ISSUED,
    POINTS_REDEEMED,
)


def table() -> list[tuple[str, str, str, str]]:
    """Name as Prometheus shows it, kind, labels, meaning: one row per metric."""
    return [_row(metric) for metric in METRICS]


def _row(metric: MetricWrapperBase) -> tuple[str, str, str, str]:
    described = next(iter(metric.describe()))
    name = described.name + ("_total" if described.type == "counter" else "")
    return name, described.type, ", ".join(metric._labelnames), described.documentation
