"""Rows of a text file, streamed; what cannot be read is said with its line and byte."""

import codecs
import csv
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO

from tanzhang.importers.mapping import Csv
from tanzhang.importers.reading import Fault, ImportRefusedError

_CHUNK = 1 << 20
Numbered = tuple[int, list[str]]


@contextmanager
def csv_rows(path: Path, form: Csv) -> Iterator[Iterator[Numbered | Fault]]:
    """The rows that are not blank, each with the line that it begins on; faults of single rows.

    Reading on raises ImportRefusedError where bytes are not of the encoding.
    """
    with (
        path.open("rb") as stream,
        TextIOWrapper(stream, encoding=form.encoding, newline="") as text,
    ):
        yield _rows(path, stream, text, form)


def _rows(
    path: Path, stream: BinaryIO, text: TextIOWrapper, form: Csv
) -> Iterator[Numbered | Fault]:
    rows = csv.reader(
        text,
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
        else:
            if any(value and not value.isspace() for value in values):
                yield line, values
        line = rows.line_num + 1


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
    line, left = 1, position
    with path.open("rb") as stream:
        while left > 0 and (chunk := stream.read(min(left, _CHUNK))):
            line += decoder.decode(chunk).count("\n")
            left -= len(chunk)
    return line
