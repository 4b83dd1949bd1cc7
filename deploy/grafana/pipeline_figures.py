"""The pipeline in fourteen figures: does everything flow?"""

from deploy.grafana.board import Part
from deploy.grafana.panels import GREEN, RED, YELLOW, Text, big
from deploy.grafana.pipeline_queries import LAG, NONE_OF_ALL, OF, WINDOW, quantile

FIRST = Part(
    None,
    [
        big(
            Text(
                "Alerts",
                "告警",
                "Alerts that fire now, on anything that is shown below. What to do about each is "
                "in docs/operating.md, under its name.",
            ),
            f'count(ALERTS{{alertname=~"Tanzhang.+", alertstate="firing"}}) or {NONE_OF_ALL}',
            steps=((None, GREEN), (1, RED)),
            words={"0": "none 无"},
        ),
        big(
            Text(
                "Everything up?",
                "全部在线",
                "Processes that Prometheus cannot reach or that cannot do their work: a database "
                "or Kafka is away. Not 0: see which under Processes below.",
            ),
            f'count(up{{job="tanzhang"}} == 0 or tanzhang_ready == 0) or {NONE_OF_ALL}',
            steps=((None, GREEN), (1, RED)),
            words={"0": "all up 正常"},
        ),
        big(
            Text(
                "Event age p95",
                "事件时延",
                "From acceptance to the commit of the posting, the worst service. "
                "More than 10 s: something is behind; more than 60 s wakes a person.",
            ),
            "max(" + quantile(0.95, "tanzhang_event_age_seconds", "service, le") + ")",
            steps=((None, GREEN), (10, YELLOW), (60, RED)),
            unit="s",
            decimals=1,
        ),
        big(
            Text(
                "Records behind",
                "积压",
                "Records in Kafka after the committed positions of all services. Falls by itself "
                "after a burst; look at its slope below.",
            ),
            f"sum({LAG})",
            steps=((None, GREEN), (10_000, YELLOW), (100_000, RED)),
        ),
        big(
            Text(
                "Dead letters, last hour",
                "新死信",
                "Events set aside within the last hour, less those replayed. "
                "`tanzhang dead-letters list` shows them and why.",
            ),
            f"""sum(clamp_min(max by (service) (tanzhang_dead_letters_open{{{OF}}})
            - min by (service) (min_over_time(tanzhang_dead_letters_open{{{OF}}}[1h])), 0))""",
            steps=((None, GREEN), (1, YELLOW), (100, RED)),
            words={"0": "none 无"},
        ),
        big(
            Text(
                "Audit",
                "核对",
                "Figures that the last audit found wrong, if it is not older than an hour and a "
                "half. Not 0: nobody trusts a figure until it is explained; `tanzhang audit` "
                "names the accounts.",
            ),
            """sum(max by (check) (tanzhang_audit_wrong))
            and on () time() - max(tanzhang_audit_timestamp_seconds) < 5400""",
            steps=((None, GREEN), (1, RED)),
            words={"0": "all agrees 一致"},
            missing="not run 未运行",
        ),
    ],
)
SECOND = Part(
    None,
    [
        big(
            Text("Accepted", "受理", "Events per second that the door took and Kafka has."),
            f'sum(rate(tanzhang_events_in_total{{outcome="accepted"}}{WINDOW})) or vector(0)',
            unit="ops",
            decimals=1,
            span=3,
            height=4,
        ),
        big(
            Text(
                "Rejected",
                "拒收",
                "Events per second that the door refused; the sender was told the field.",
            ),
            f'sum(rate(tanzhang_events_in_total{{outcome="rejected"}}{WINDOW})) or vector(0)',
            steps=((None, GREEN), (1, YELLOW)),
            unit="ops",
            decimals=1,
            span=3,
            height=4,
        ),
        big(
            Text(
                "Outbox oldest",
                "发件箱",
                "Age of the oldest outgoing event that is not in Kafka. A minute or more: the "
                "relay cannot publish.",
            ),
            f"max(tanzhang_outbox_age_seconds{{{OF}}})",
            steps=((None, GREEN), (10, YELLOW), (60, RED)),
            unit="s",
            decimals=1,
            span=3,
            height=4,
        ),
        big(
            Text("Posted", "入账", "Events per second posted to the ledgers of all services."),
            f"sum(rate(tanzhang_events_posted_total{{{OF}}}{WINDOW}))",
            unit="ops",
            decimals=1,
            span=3,
            height=4,
        ),
        big(
            Text(
                "Stopped partitions",
                "停止的分区",
                "Stopped after too many unexpected failures in a row: find the error in the log "
                "of the service, mend it, restart the worker.",
            ),
            f"sum(tanzhang_stopped_partitions{{{OF}}})",
            steps=((None, GREEN), (1, RED)),
            words={"0": "none 无"},
            span=3,
            height=4,
        ),
        big(
            Text(
                "Parked",
                "暂存",
                "Events that wait for a registration, another event or an open year; after 90 "
                "days they become dead letters.",
            ),
            f"sum(max by (service) (tanzhang_parked_events{{{OF}}}))",
            steps=((None, GREEN), (1000, YELLOW)),
            span=3,
            height=4,
        ),
        big(
            Text(
                "Answers with 5xx",
                "服务错误",
                "Share of the requests that were answered with 500 or 503, all services.",
            ),
            f"""(sum(rate(tanzhang_http_seconds_count{{status="5xx"}}{WINDOW}))
            / (sum(rate(tanzhang_http_seconds_count{WINDOW})) > 0)) or {NONE_OF_ALL}""",
            steps=((None, GREEN), (0.001, YELLOW), (0.01, RED)),
            unit="percentunit",
            decimals=2,
            span=3,
            height=4,
        ),
        big(
            Text(
                "Webhooks waiting",
                "待投递",
                "Deliveries to subscribers that are still to be made, retries included.",
            ),
            "sum(max by (service) (tanzhang_webhook_waiting))",
            steps=((None, GREEN), (1000, YELLOW)),
            span=3,
            height=4,
        ),
    ],
)
