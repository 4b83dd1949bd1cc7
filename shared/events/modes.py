"""The two ways a CloudEvent travels, told apart by content type; binary made structured."""

import re
from collections.abc import Mapping
from email.message import Message

import msgspec

from shared.events import said
from shared.events.diagnosis import not_json
from shared.events.errors import EventError, refuse

EVENT = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
JSON = "application/json"
# Names of UTF-8, and what is part of it.
CHARSETS = frozenset({"utf-8", "utf8", "us-ascii"})

# CloudEvents 1.0: names of attributes are lower-case letters and digits.
_NAME = re.compile(r"[a-z0-9]{1,64}")
# Data travels in the body, its type in content-type: no header may say otherwise.
_NOT_HEADERS = frozenset({"data", "datacontenttype"})
_value = msgspec.json.Decoder(msgspec.Raw)


class UnsupportedContentType(Exception):
    """Neither a CloudEvent in JSON, nor a batch, nor binary mode with JSON data in UTF-8."""

    def __init__(self) -> None:
        super().__init__(f"expected {EVENT}, {BATCH}, or ce- headers and {JSON}; charset utf-8")


def media_type(content_type: str) -> str:
    """Type and subtype in lower case; UnsupportedContentType when the charset is not UTF-8."""
    message = Message()
    message["content-type"] = content_type.replace("\r", " ").replace("\n", " ")
    charset = message.get_param("charset", "utf-8")
    if not isinstance(charset, str) or charset.lower() not in CHARSETS:
        raise UnsupportedContentType
    return content_type.partition(";")[0].strip().lower()


def structured(attributes: Mapping[str, str], content_type: str, body: bytes) -> bytes:
    """The structured form of a binary event whose data is the JSON in `body`, of this type."""
    for name in attributes:
        if not _NAME.fullmatch(name) or name in _NOT_HEADERS:
            raise refuse("wrong-attribute", said.where(name), "is not a CloudEvents attribute")
    if not body:
        raise EventError("missing-field", "the event has no data")
    try:
        body.decode()
        data = _value.decode(body)
    except (ValueError, RecursionError) as error:
        raise not_json(error) from None
    return msgspec.json.encode({**attributes, "datacontenttype": content_type, "data": data})
