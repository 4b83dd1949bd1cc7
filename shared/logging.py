"""Logs: one JSON object per line on stdout. The `event` is a name such as `batch_posted`."""

import logging
import sys

import structlog


def configure(service: str, level: str = "info") -> None:
    """Set up logging of this process; libraries' own messages take the same form from warnings up.

    Payloads and account ids are never logged; an event's id only with an error.
    """
    threshold = logging.getLevelNamesMapping()[level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            *shared,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    _configure_libraries(service, threshold, shared)


def _configure_libraries(
    service: str, threshold: int, shared: list[structlog.typing.Processor]
) -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _named_message,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    logging.basicConfig(level=max(threshold, logging.WARNING), handlers=[handler], force=True)


def _named_message(
    _: object, __: str, entry: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """A library's sentence goes to `message`: `event` stays a name."""
    entry["message"] = entry.pop("event", "")
    entry["event"] = "library_message"
    return entry
