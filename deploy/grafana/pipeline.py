"""The pipeline: does everything flow, and if not, where does it stand?"""

from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.board import Part, board, choice
from deploy.grafana.panels import GREEN, RED, YELLOW, Query, Text, bars, lines
from deploy.grafana.pipeline_figures import FIRST, SECOND
from deploy.grafana.pipeline_queries import LAG, OF, WINDOW, quantile, rate

DOOR = Part(
    "The door 入口: events in over HTTP",
    [
        lines(
            Text("Events in", "事件流入", "Events per second at the door, by what became of them."),
            Query(f"sum by (outcome) (rate(tanzhang_events_in_total{WINDOW}))", "{{outcome}}"),
            unit="ops",
            stacked=True,
            colours={"accepted": GREEN, "rejected": YELLOW, "unavailable": RED},
        ),
        lines(
            Text("Accepted by type", "按类型", "Accepted events per second by their type."),
            Query(
                f"""sum by (type) (label_replace(
                rate(tanzhang_events_in_total{{outcome="accepted"}}{WINDOW}),
                "type", "$1", "type", "cn.tanzhang.(.*)"))""",
                "{{type}}",
            ),
            unit="ops",
        ),
        lines(
            Text("Accepted by client", "按客户端", "Accepted events per second by sender."),
            Query(
                f'sum by (client) (rate(tanzhang_events_in_total{{outcome="accepted"}}{WINDOW}))',
                "{{client}}",
            ),
            unit="ops",
        ),
        lines(
            Text(
                "Not acknowledged yet",
                "未确认",
                "Bytes that the door holds until Kafka has acknowledged them. Rising: Kafka is "
                "slow, and at the limit the door answers 503.",
            ),
            Query("sum by (service) (tanzhang_enqueued_bytes)", "{{service}}"),
            unit="bytes",
        ),
    ],
)
LEDGERS = Part(
    "The ledgers 账本: from Kafka to PostgreSQL",
    [
        lines(
            Text("Posted", "入账", "Events per second posted, by service."),
            Query(rate("tanzhang_events_posted_total", "service"), "{{service}}"),
            unit="ops",
        ),
        lines(
            Text("Records behind", "积压", "Records after the committed positions, by service."),
            Query(LAG, "{{service}}"),
        ),
        lines(
            Text(
                "Event age",
                "事件时延",
                "From acceptance to the commit of the posting: half, 95 and 99 of 100 events.",
            ),
            Query(quantile(0.5, "tanzhang_event_age_seconds"), "p50"),
            Query(quantile(0.95, "tanzhang_event_age_seconds"), "p95"),
            Query(quantile(0.99, "tanzhang_event_age_seconds"), "p99"),
            unit="s",
        ),
        lines(
            Text("Event age p95 by service", "各服务时延", "The same, 95 of 100, by service."),
            Query(quantile(0.95, "tanzhang_event_age_seconds", "service, le"), "{{service}}"),
            unit="s",
        ),
        lines(
            Text("Batch p95", "批处理", "From having a batch of records to its commit."),
            Query(quantile(0.95, "tanzhang_batch_seconds", "service, le"), "{{service}}"),
            unit="s",
        ),
        lines(
            Text(
                "Database p95",
                "数据库",
                "The database's part of a batch, begin to commit. Close to the batch's own time: "
                "PostgreSQL is what is slow.",
            ),
            Query(quantile(0.95, "tanzhang_database_seconds", "service, le"), "{{service}}"),
            unit="s",
        ),
        lines(
            Text(
                "Batch size",
                "批量",
                "Records per batch. Rises with the load: that is how workers keep up.",
            ),
            Query(
                f"""(sum by (service) (rate(tanzhang_batch_rows_sum{{{OF}}}{WINDOW}))
                / (sum by (service) (rate(tanzhang_batch_rows_count{{{OF}}}{WINDOW})) > 0))
                or 0 * sum by (service) (tanzhang_batch_rows_count{{{OF}}})""",
                "{{service}}",
            ),
        ),
        lines(
            Text(
                "Repeats and fences",
                "重复与围栏",
                "Events that had been posted before, and batches rolled back because another "
                "worker has the partition. Both are harmless; many fences: workers change often.",
            ),
            Query(rate("tanzhang_duplicates_total", "service"), "repeated {{service}}"),
            Query(rate("tanzhang_fenced_total", "service"), "fenced {{service}}"),
            unit="ops",
        ),
    ],
)
ASIDE = Part(
    "Set aside, and on the way out 搁置与发出",
    [
        bars(
            Text(
                "Dead letters by reason",
                "死信原因",
                "Since the workers started, the ten most frequent reasons.",
            ),
            Query(
                f"""topk(10, sum by (service, reason) (tanzhang_dead_letters_total{{{OF}}}))""",
                "{{service}}: {{reason}}",
            ),
        ),
        lines(
            Text("Dead letters open", "未重放死信", "Dead letters that have not been replayed."),
            Query(f"max by (service) (tanzhang_dead_letters_open{{{OF}}})", "{{service}}"),
        ),
        lines(
            Text("Outbox", "发件箱", "Rows of outgoing events that are not in Kafka yet."),
            Query(f"max by (service) (tanzhang_outbox_waiting_rows{{{OF}}})", "{{service}}"),
        ),
        lines(
            Text("Parked", "暂存", "Events waiting for what they need, by service."),
            Query(f"max by (service) (tanzhang_parked_events{{{OF}}})", "{{service}}"),
        ),
        lines(
            Text(
                "Parking room used",
                "暂存占用",
                "Of the source that has most: at 100% its next ones are replayable dead letters.",
            ),
            Query(f"max by (service) (tanzhang_parked_ratio{{{OF}}})", "{{service}}"),
            unit="percentunit",
        ),
        lines(
            Text(
                "Next to expire",
                "最近到期",
                "Time until the next parked event becomes a dead letter; 90 days: none is parked.",
            ),
            Query(
                f"""clamp_max(min by (service) (tanzhang_parked_until_timestamp_seconds{{{OF}}})
                - time(), 90 * 86400)""",
                "{{service}}",
            ),
            unit="s",
        ),
    ],
)
PROCESSES = Part(
    "Processes 进程: requests, memory, progress",
    [
        lines(
            Text("Requests", "请求", "Requests per second, probes left out."),
            Query(f"sum by (service) (rate(tanzhang_http_seconds_count{WINDOW}))", "{{service}}"),
            unit="reqps",
        ),
        lines(
            Text("Answer time p95", "响应时间", "95 of 100 requests are answered within this."),
            Query(
                quantile(0.95, "tanzhang_http_seconds", "service, le", ""),
                "{{service}}",
            ),
            unit="s",
        ),
        lines(
            Text("Answers", "响应状态", "Requests per second by the class of their answer."),
            Query(f"sum by (status) (rate(tanzhang_http_seconds_count{WINDOW}))", "{{status}}"),
            unit="reqps",
            stacked=True,
            colours={"2xx": GREEN, "3xx": "blue", "4xx": YELLOW, "5xx": RED},
        ),
        lines(
            Text(
                "Reached and ready",
                "在线与就绪",
                "1: Prometheus reaches the process; all processes of the service can do their work.",
            ),
            Query('up{job="tanzhang"}', "{{instance}}"),
            Query("min by (service) (tanzhang_ready)", "{{service}} ready"),
        ),
        lines(
            Text(
                "Last look at the log",
                "最近轮询",
                "Seconds since each service's worker last asked Kafka. More than two minutes: "
                "the worker ends itself. Clock: since all work due by the clock was last done.",
            ),
            Query(
                f"time() - max by (service) (tanzhang_progress_timestamp_seconds{{{OF}}})",
                "{{service}}",
            ),
            Query(
                f"time() - max by (service) (tanzhang_tick_timestamp_seconds{{{OF}}})",
                "{{service}} clock",
            ),
            unit="s",
        ),
        lines(
            Text(
                "Idle",
                "空闲",
                "1: nothing to read and nothing to send. All 1: everything that was accepted has "
                "arrived.",
            ),
            Query(f"min by (service) (tanzhang_idle{{{OF}}})", "{{service}}"),
        ),
        lines(
            Text("Memory", "内存", "Resident memory by process."),
            Query('process_resident_memory_bytes{job="tanzhang"}', "{{instance}}"),
            unit="bytes",
        ),
        lines(
            Text("Processor", "处理器", "Cores in use by process."),
            Query(f'rate(process_cpu_seconds_total{{job="tanzhang"}}{WINDOW})', "{{instance}}"),
        ),
    ],
)
AUDIT = Part(
    "The audit 核对",
    [
        bars(
            Text("Wrong", "错误", "Figures that the last audit found wrong, by check."),
            Query("max by (check) (tanzhang_audit_wrong)", "{{check}}"),
        ),
        bars(
            Text(
                "In flight",
                "在途",
                "Differences between two services that events on their way will settle.",
            ),
            Query("max by (check) (tanzhang_audit_in_flight)", "{{check}}"),
        ),
        lines(
            Text(
                "Audit age and duration", "核对时间", "How old the last audit is; how long it took."
            ),
            Query("time() - max(tanzhang_audit_timestamp_seconds > 0)", "age"),
            Query("max(tanzhang_audit_seconds > 0)", "duration"),
            unit="s",
        ),
        lines(
            Text("Could not look", "无法核对", "1: the last try found this away."),
            Query("max by (reason) (tanzhang_audit_failed)", "{{reason}}"),
        ),
    ],
)

WEBHOOKS = Part(
    "Webhooks 回调: to platforms without Kafka",
    [
        lines(
            Text("Attempts", "投递", "Deliveries tried per second, by service and outcome."),
            Query(
                f"sum by (service, outcome) (rate(tanzhang_webhook_deliveries_total{WINDOW}))",
                "{{service}} {{outcome}}",
            ),
            unit="ops",
            span=8,
        ),
        lines(
            Text("Still to be delivered", "待投递", "Deliveries waiting, retries included."),
            Query("max by (service) (tanzhang_webhook_waiting)", "{{service}}"),
            span=8,
        ),
        lines(
            Text(
                "Subscriptions",
                "订阅",
                "Active ones, and those disabled: their receiver failed for a week or is gone.",
            ),
            Query(
                "max by (service, status) (tanzhang_webhook_subscriptions)",
                "{{service}} {{status}}",
            ),
            span=8,
        ),
    ],
)


def pipeline() -> Dashboard:
    """From the door to the ledgers and out again."""
    return board(
        "pipeline",
        "tanzhang pipeline 事件管道",
        "From the door over Kafka to the ledgers and out again: rates, ages, what stands still. "
        "从入口到账本：流量、时延与停滞。",
        [FIRST, SECOND, DOOR, LEDGERS, ASIDE, PROCESSES, AUDIT, WEBHOOKS],
        variables=[choice("service", "Service 服务", "tanzhang_events_posted_total", every=True)],
    )
