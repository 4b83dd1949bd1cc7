"""Rows of a text file, streamed; what cannot be read is said with its line and byte."""

import codecs
import csv
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from io import IncrementalNewlineDecoder, TextIOWrapper
from pathlib import Path
from typing import BinaryIO

from tanzhang.importers.mapping import Csv
from tanzhang.importers.reading import Fault, ImportRefusedError

_CHUNK = 1 << 20
# What is no text may have no line ends, and must not come into the memory as one.
_LINE_MAX = 1 << 20
_MARKS = {
    codecs.BOM_UTF8: ("utf-8", "utf_8"),
    codecs.BOM_UTF16_LE: ("utf-16", "utf-32"),
    codecs.BOM_UTF16_BE: ("utf-16",),
}
_NOT_OF_FILES = ("idna", "punycode", "raw_unicode_escape", "undefined", "unicode_escape", "utf-7")
Numbered = tuple[int, list[str]]


def is_encoding(name: str) -> bool:
    """Whether text files are in it; Python knows more encodings than that."""
    try:
        found = codecs.lookup(name).name.replace("-escape", "_escape")
        return found not in _NOT_OF_FILES and "".encode(found) is not None
    except (LookupError, ValueError):
        return False


@contextmanager
def csv_rows(path: Path, form: Csv) -> Iterator[Iterator[Numbered | Fault]]:
    """The rows that are not blank, each with the line that it begins on; faults of single rows.

    Reading on raises ImportRefusedError where bytes are not of the encoding.
    """
    _check_mark(path, form)
    with (
        path.open("rb") as stream,
        TextIOWrapper(stream, encoding=form.encoding, newline="") as text,
    ):
        yield _rows(path, stream, text, form)


def _rows(
    path: Path, stream: BinaryIO, text: TextIOWrapper, form: Csv
) -> Iterator[Numbered | Fault]:
    rows = csv.reader(
        _lines(text),
        delimiter=form.delimiter,
        quotechar=form.quote or None,
        quoting=csv.QUOTE_MINIMAL if form.quote else csv.QUOTE_NONE,
        strict=True,
    )
    line = 1
    while True:
        try:
            values = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield _unreadable(line, rows.line_num, error)
        except UnicodeDecodeError as error:
            raise _wrong_encoding(path, stream, form, error) from error
        except UnicodeError as error:  # of decoders that look at more than single characters
            detail = f"cannot be read as {form.encoding}: {error}"
            raise ImportRefusedError([Fault(line, "encoding", detail)]) from error
        else:
            if any(value and not value.isspace() for value in values):
                yield line, values
        line = rows.line_num + 1


def _check_mark(path: Path, form: Csv) -> None:
    """A byte-order mark says what a file is; ImportRefusedError when the mapping says otherwise."""
    with path.open("rb") as stream:
        beginning = stream.read(4)
    said = codecs.lookup(form.encoding).name
    for mark, names in _MARKS.items():
        if beginning.startswith(mark) and not said.startswith(names):
            detail = (
                f"the file begins with the mark of {names[0]}, the mapping says {form.encoding}"
            )
            raise ImportRefusedError([Fault(1, "encoding", detail)])


def _lines(text: TextIOWrapper) -> Iterator[str]:
    """The lines as they end, without the mark before the first."""
    for number, line in enumerate(iter(partial(text.readline, _LINE_MAX), ""), 1):
        if len(line) == _LINE_MAX:
            detail = f"expected a table in text, a line has {_LINE_MAX} characters or more"
            raise ImportRefusedError([Fault(number, "file", detail)])
        yield line.removeprefix("\ufeff") if number == 1 else line


def _unreadable(line: int, last: int, error: csv.Error) -> Fault:
    upto = f" (to line {last}: is a quote left open?)" if last > line else ""
    return Fault(line, "row", f"cannot be read as CSV{upto}: {error}")


def _wrong_encoding(
    path: Path, stream: BinaryIO, form: Csv, error: UnicodeDecodeError
) -> ImportRefusedError:
    # What was being decoded ends where the file has been read to.
    position = stream.tell() - len(error.object) + error.start
    detail = (
        f"byte {position} ({error.object[error.start]:#04x}) is not {form.encoding}; "
        "name the file's encoding in the mapping, such as gb18030 (which includes GBK)"
    )
    return ImportRefusedError([Fault(_line_at(path, position, form.encoding), "encoding", detail)])


def _line_at(path: Path, position: int, encoding: str) -> int:
    """The line of a byte."""
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    lines = IncrementalNewlineDecoder(decoder, translate=True)
    line, left = 1, position
    with path.open("rb") as stream:
        while left > 0 and (chunk := stream.read(min(left, _CHUNK))):
            line += lines.decode(chunk).count("\n")
            left -= len(chunk)
    return line + lines.decode(b"", final=True).count("\n")
