"""Follow the labels of enterprises and farms with a plain Kafka client, as a bank would.

    pip install confluent-kafka
    python follow_labels.py --bootstrap 127.0.0.1:9092
    python follow_labels.py --bootstrap kafka.city.example:9094 --set security.protocol=SASL_SSL \
        --set sasl.mechanism=SCRAM-SHA-512 --set sasl.username=... --set sasl.password=...

Prints one line of JSON whenever the current label of an account is told. The topic is compacted:
read from its beginning, it gives the label of every account. Repeats may come late, so what is
not newer than what is known (`epoch`, `sequence`) is passed over.
"""

import argparse
import json
import time
from collections.abc import Iterator
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition


def main() -> None:
    options = _options()
    newest: dict[str, tuple[int, int]] = {}
    left = options.count
    for event in _events(options):
        account, data = event["subject"], event["data"]
        position = (data["epoch"], data["sequence"])
        if options.account not in (None, account) or position <= newest.get(account, (0, 0)):
            continue
        newest[account] = position
        shown = event if options.whole else {"account": account} | data["current"]
        print(json.dumps(shown, ensure_ascii=False), flush=True)
        left -= 1
        if not left:
            break


def _events(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Everything on the topic from its beginning, then what comes; nothing is committed."""
    consumer = Consumer(
        {
            "bootstrap.servers": options.bootstrap,
            # None is joined, but the client asks after it: cities allow names that begin so.
            "group.id": "finance-labels",
            "enable.auto.commit": False,
            **dict(setting.split("=", 1) for setting in options.set),
        }
    )
    topic = consumer.list_topics(options.topic, timeout=10).topics[options.topic]
    parts = [TopicPartition(options.topic, n, OFFSET_BEGINNING) for n in topic.partitions]
    consumer.assign(parts)
    until = time.monotonic() + options.seconds
    while time.monotonic() < until:
        record = consumer.poll(0.5)
        if record is None:
            continue
        if record.error():
            raise KafkaException(record.error())
        yield json.loads(record.value())
    consumer.close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Follow labels.")
    parser.add_argument("--bootstrap", default="127.0.0.1:9092", help="host:port of a broker")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of librdkafka"
    )
    parser.add_argument("--topic", default="label-changes")
    parser.add_argument("--account", help="only this one, as <kind>:<account id>")
    parser.add_argument("--whole", action="store_true", help="print events as they are")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="end after so long")
    parser.add_argument("--count", type=int, default=-1, help="end after so many labels")
    return parser.parse_args()


if __name__ == "__main__":
    main()
