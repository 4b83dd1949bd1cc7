"""Every Prometheus metric of the project, declared here and nowhere else.

Names end in their unit. Labels are closed sets or small ones (topics, partitions, clients),
never accounts. `table()` gives the list for the documentation.
"""

import sys
from contextlib import suppress

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.metrics import MetricWrapperBase

# A second series beside every counter, which nobody reads.
disable_created_metrics()  # type: ignore[no-untyped-call]

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
CLIENT_TIMESTAMP = Gauge(
    "tanzhang_client_timestamp_seconds",
    "Unix time of the last accepted event of a client",
    ["service", "type", "client"],
)
HTTP_SECONDS = Histogram(
    "tanzhang_http_seconds",
    "Time to answer a request, probes and metrics apart; status is its class",
    ["service", "status"],
    buckets=_SECONDS,
)
READY = Gauge(
    "tanzhang_ready",
    "1 when the process can do its work (its database, Kafka and worker), as /readyz says",
    ["service"],
)
EVENTS_POSTED = Counter("tanzhang_events_posted", "Events posted to the ledger", ["service"])
DUPLICATES = Counter("tanzhang_duplicates", "Events that had been posted before", ["service"])
DEAD_LETTERS = Counter("tanzhang_dead_letters", "Events that were set aside", ["service", "reason"])
DEAD_LETTERS_OPEN = Gauge(
    "tanzhang_dead_letters_open", "Dead letters that have not been replayed", ["service"]
)
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
OUTBOX_AGE_SECONDS = Gauge(
    "tanzhang_outbox_age_seconds",
    "Age of the oldest outgoing event that waits; 0: none",
    ["service"],
)
PARKED = Gauge(
    "tanzhang_parked_events", "Events waiting for what they need to be posted", ["service"]
)
PARKED_RATIO = Gauge(
    "tanzhang_parked_ratio",
    "Parked events of the source that has most of them, as a share of what a source may have",
    ["service"],
)
PARKED_UNTIL = Gauge(
    "tanzhang_parked_until_timestamp_seconds",
    "Unix time at which the next parked event becomes a dead letter; +Inf: none is parked",
    ["service"],
)
WEBHOOK_DELIVERIES = Counter(
    "tanzhang_webhook_deliveries",
    "Attempts to deliver an event to a subscriber: delivered, failed, given_up",
    ["service", "outcome"],
)
WEBHOOK_WAITING = Gauge(
    "tanzhang_webhook_waiting", "Deliveries that are still to be made", ["service"]
)
WEBHOOK_SUBSCRIPTIONS = Gauge(
    "tanzhang_webhook_subscriptions", "Subscriptions: active or disabled", ["service", "status"]
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
TICK_TIMESTAMP = Gauge(
    "tanzhang_tick_timestamp_seconds",
    "Unix time at which a process last did all the work that is due by the clock",
    ["service"],
)
AUDIT_WRONG = Gauge("tanzhang_audit_wrong", "Figures that the last audit found wrong", ["check"])
AUDIT_IN_FLIGHT = Gauge(
    "tanzhang_audit_in_flight",
    "Differences of the last audit that events on their way will settle",
    ["check"],
)
AUDIT_TIMESTAMP = Gauge("tanzhang_audit_timestamp_seconds", "Unix time of the last audit's end")
AUDIT_SECONDS = Gauge("tanzhang_audit_seconds", "How long the last audit took")
AUDIT_FAILED = Gauge(
    "tanzhang_audit_failed", "1 when the last try to audit could not look, and why", ["reason"]
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
APPEALS_OPEN = Gauge(
    "tanzhang_appeals_open", "Appeals against labels that nobody has decided yet", ["service"]
)
INDUSTRY_TONNES = Gauge(
    "tanzhang_industry_tonnes",
    "Tonnes of CO2e of a year (the latest three): energy, process, avoided",
    ["year", "category"],
)
INDUSTRY_SECTOR_TONNES = Gauge(
    "tanzhang_industry_sector_tonnes",
    "Tonnes of CO2e of a year by sector: energy + process - avoided",
    ["year", "sector"],
)
INDUSTRY_ENTERPRISES = Gauge(
    "tanzhang_industry_enterprises",
    "Enterprises of a year: registered, covered (any figure), complete (11 months or more)",
    ["year", "coverage"],
)
REVIEWS_OPEN = Gauge(
    "tanzhang_reviews_open", "Readings held until a person has looked at them", ["service"]
)
REVIEWS_AGE_SECONDS = Gauge(
    "tanzhang_reviews_age_seconds",
    "How long the oldest of them has been held; 0: none",
    ["service"],
)
INDUSTRY_WARNINGS = Gauge(
    "tanzhang_industry_warnings", "Days above the usual band, told in the last 30 days", ["service"]
)
AGRI_TONNES = Gauge(
    "tanzhang_agri_tonnes",
    "Tonnes of CO2e in the agricultural ledger by pathway; gross: emitted",
    ["pathway"],
)
PERSONAL_TONNES = Gauge(
    "tanzhang_personal_tonnes", "Tonnes of CO2 saved by bank customers", ["scenario"]
)
PERSONAL_PAYMENTS = Gauge(
    "tanzhang_personal_payments", "Payments that belong to a scenario", ["scenario"]
)
POINTS_ISSUED = Gauge(
    "tanzhang_points_issued", "Points issued, less what was taken back or has expired", ["service"]
)
POINTS_REDEEMED = Gauge("tanzhang_points_redeemed", "Points redeemed for rewards", ["service"])
POINTS_OWED = Gauge(
    "tanzhang_points_owed", "Points that were taken back after they had been spent", ["service"]
)
POINTS_TIERS = Gauge(
    "tanzhang_points_tiers", "Accounts by tier, those without one left out", ["tier"]
)
REDEMPTIONS = Gauge("tanzhang_redemptions", "Redemptions by status", ["status"])
REWARDS = Gauge("tanzhang_rewards", "Rewards on offer: in stock or sold out", ["state"])
ACCOUNTS_FROZEN = Gauge(
    "tanzhang_accounts_frozen", "Accounts of points that may not redeem for now", ["service"]
)
CONSENTS = Gauge(
    "tanzhang_consents", "Consents in force: what banks may see of a person", ["service"]
)

# Of the whole service, set by the one of its processes that measures: see shared.stream.gauges.
# All have labels: a gauge without any is there, as 0, in every process.
CITY = (
    CITY_TONNES,
    CITY_LABELS,
    CITY_ACCOUNTS,
    APPEALS_OPEN,
    INDUSTRY_TONNES,
    INDUSTRY_SECTOR_TONNES,
    INDUSTRY_ENTERPRISES,
    REVIEWS_OPEN,
    REVIEWS_AGE_SECONDS,
    INDUSTRY_WARNINGS,
    AGRI_TONNES,
    PERSONAL_TONNES,
    PERSONAL_PAYMENTS,
    POINTS_ISSUED,
    POINTS_REDEEMED,
    POINTS_OWED,
    POINTS_TIERS,
    REDEMPTIONS,
    REWARDS,
    ACCOUNTS_FROZEN,
    CONSENTS,
)

METRICS: tuple[MetricWrapperBase, ...] = tuple(
    metric for metric in tuple(globals().values()) if isinstance(metric, MetricWrapperBase)
)
STATUSES = ("2xx", "3xx", "4xx", "5xx")
# More than a city has senders; an issuer that names every person a client must not fill Prometheus.
CLIENTS_MAX = 500
OTHER_CLIENTS = "others"
_clients: set[str] = set()
_HEAD = (
    "# Metrics",
    "",
    "Of every process, at `/metrics`. A histogram has `_bucket`, `_sum` and `_count`.",
    "",
    "| name | kind | labels | what it says |",
    "|---|---|---|---|",
)


def begin(service: str) -> None:
    """Show what a worker counts as 0: what first appears as 1 has not grown for Prometheus."""
    counted: tuple[Counter | Histogram | Gauge, ...] = (
        EVENTS_POSTED,
        DUPLICATES,
        FENCED,
        STOPPED_PARTITIONS,
        BATCH_SECONDS,
        BATCH_ROWS,
        DATABASE_SECONDS,
        EVENT_AGE_SECONDS,
    )
    for metric in counted:
        metric.labels(service)
    for reason in ("unexpected", "never_released", "parking_full"):
        DEAD_LETTERS.labels(service, reason)


def client_label(client: str) -> str:
    """The client of a token as a label; those after the first 500 of a process are one together."""
    if client not in _clients:
        if len(_clients) >= CLIENTS_MAX:
            return OTHER_CLIENTS
        _clients.add(client)
    return client


def begin_webhooks(service: str) -> None:
    """The same for a process that delivers webhooks."""
    for outcome in ("delivered", "failed", "given_up"):
        WEBHOOK_DELIVERIES.labels(service, outcome)


def end_webhooks(service: str) -> None:
    """What a process counted while it sent is another's now: it is silent, rather than 0."""
    with suppress(KeyError):
        WEBHOOK_WAITING.remove(service)
        for status in ("active", "disabled"):
            WEBHOOK_SUBSCRIPTIONS.remove(service, status)


def table() -> list[tuple[str, str, str, str]]:
    """Name as Prometheus shows it, kind, labels, meaning: one row per metric."""
    return [_row(metric) for metric in METRICS]


def _row(metric: MetricWrapperBase) -> tuple[str, str, str, str]:
    described = next(iter(metric.describe()))
    name = described.name + ("_total" if described.type == "counter" else "")
    return name, described.type, ", ".join(metric._labelnames), described.documentation


def document() -> str:
    """The table as Markdown."""
    rows = [f"| `{name}` | {kind} | {labels} | {text} |" for name, kind, labels, text in table()]
    return "\n".join([*_HEAD, *rows, ""])


if __name__ == "__main__":
    sys.stdout.write(document())
