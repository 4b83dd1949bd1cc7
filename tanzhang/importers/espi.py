"""ESPI Atom feeds as XML: entries with their links, reading types and interval readings.

Only what the feed says, in the order in which it says it; `green_button` gives it meaning.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any
from xml.sax import ErrorHandler, SAXException, SAXParseException
from xml.sax.handler import ContentHandler, feature_namespaces
from xml.sax.xmlreader import AttributesNSImpl, InputSource, Locator

from defusedxml.common import DefusedXmlException
from defusedxml.sax import make_parser

from tanzhang.importers.reading import Fault, ImportRefusedError

ATOM = "http://www.w3.org/2005/Atom"
ESPI = "http://naesb.org/espi"
_RESOURCES = ("UsagePoint", "MeterReading", "ReadingType", "IntervalBlock")
_MAX_DEPTH = 100
_MAX_TEXT = 1000
Name = tuple[str | None, str]


@dataclass(slots=True)
class RawReading:
    """An IntervalReading as written; texts are stripped."""

    line: int
    values: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Entry:
    """An Atom entry: its links and the one kind of resource in its content."""

    line: int
    kind: str | None = None
    itself: str = ""
    up: str = ""
    related: list[str] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)
    readings: list[RawReading] = field(default_factory=list)


def read_entries(stream: IO[bytes]) -> list[Entry]:
    """All entries that hold a resource of ours.

    Raises ImportRefusedError, with the line, when the XML is cut short, malformed, not an
    Atom feed, or declares entities.
    """
    handler = _Feed()
    parser: Any = make_parser()
    parser.forbid_dtd = True
    parser.setFeature(feature_namespaces, True)
    parser.setContentHandler(handler)
    parser.setErrorHandler(ErrorHandler())
    source = InputSource()
    source.setByteStream(stream)
    try:
        parser.parse(source)
    except SAXParseException as error:
        raise _refused(error.getLineNumber(), f"not well-formed: {error.getMessage()}") from error
    except DefusedXmlException as error:
        raise _refused(handler.line(), f"declarations are not allowed: {error}") from error
    except (SAXException, ValueError) as error:
        raise _refused(handler.line(), str(error)) from error
    return handler.entries


def _refused(line: int | None, detail: str) -> ImportRefusedError:
    return ImportRefusedError([Fault(line, "XML", detail)])


class _Feed(ContentHandler):
    """Collects entries. `path` holds the local names of the open elements."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[Entry] = []
        self._locator: Locator | None = None
        self._path: list[str] = []
        self._text: list[str] = []
        self._entry: Entry | None = None
        self._reading: RawReading | None = None

    def line(self) -> int:
        return (self._locator.getLineNumber() if self._locator else None) or 1

    def setDocumentLocator(self, locator: Locator) -> None:
        self._locator = locator

    def startElementNS(self, name: Name, qname: str | None, attrs: AttributesNSImpl) -> None:
        space, local = name
        if not self._path and name != (ATOM, "feed"):
            raise _refused(self.line(), f"expected an Atom feed, found <{local}>")
        if len(self._path) >= _MAX_DEPTH:
            raise _refused(self.line(), f"elements are nested deeper than {_MAX_DEPTH}")
        self._path.append(local)
        self._text.clear()
        opened = _OPENED.get(name)
        if opened is not None:
            opened(self, attrs)
        elif space == ESPI and local in _RESOURCES and self._entry is not None:
            self._entry.kind = local

    def endElementNS(self, name: Name, qname: str | None) -> None:
        text = "".join(self._text).strip()
        self._text.clear()
        if name == (ATOM, "entry"):
            self._close_entry()
        elif name == (ESPI, "IntervalReading"):
            self._reading = None
        elif self._entry is not None:
            self._keep(name[1], text)
        self._path.pop()

    def characters(self, content: str) -> None:
        if len(self._text) < _MAX_TEXT:
            self._text.append(content)

    def open_entry(self, _: AttributesNSImpl) -> None:
        self._entry = Entry(self.line())

    def open_link(self, attrs: AttributesNSImpl) -> None:
        relation = attrs.get((None, "rel"), "")
        href = str(attrs.get((None, "href"), "")).strip().rstrip("/")
        if self._entry is None or not href:
            return
        if relation == "self":
            self._entry.itself = href
        elif relation == "up":
            self._entry.up = href
        elif relation == "related":
            self._entry.related.append(href)

    def open_reading(self, _: AttributesNSImpl) -> None:
        if self._entry is not None:
            self._reading = RawReading(self.line())
            self._entry.readings.append(self._reading)

    def _close_entry(self) -> None:
        if self._entry is not None and self._entry.kind is not None:
            self.entries.append(self._entry)
        self._entry = None

    def _keep(self, name: str, text: str) -> None:
        parent = self._path[-2]
        if self._reading is not None:
            if parent in ("IntervalReading", "timePeriod", "ReadingQuality"):
                self._reading.values[name] = text
        elif self._entry is not None and parent == "ReadingType":
            self._entry.fields[name] = text


_OPENED: dict[Name, Callable[[_Feed, AttributesNSImpl], None]] = {
    (ATOM, "entry"): _Feed.open_entry,
    (ATOM, "link"): _Feed.open_link,
    (ESPI, "IntervalReading"): _Feed.open_reading,
}
