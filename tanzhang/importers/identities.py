"""Which rows of a file have the id of an earlier one: found on disk, however long the file."""

import struct
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from hashlib import blake2b
from tempfile import SpooledTemporaryFile
from typing import IO, NamedTuple

_ROW = struct.Struct("<16s8sQL")
_SHARES = 64
_IN_MEMORY = 1 << 16


class Again(NamedTuple):
    """The id of row `line` is that of row `first`; `same`: so is the content. `group`: of `line`."""

    line: int
    first: int
    group: int
    same: bool


class Identities:
    """Notes the id and content of each row in 36 bytes, shared out by id; no id is kept as such."""

    def __init__(self, shares: Sequence[IO[bytes]]) -> None:
        self._shares = shares

    def note(self, line: int, group: int, id: str, content: bytes) -> None:
        """Rows come in the order of their lines."""
        key = blake2b(id.encode(), digest_size=16).digest()
        row = _ROW.pack(key, blake2b(content, digest_size=8).digest(), line, group)
        self._shares[key[0] % len(self._shares)].write(row)

    def repeats(self) -> Iterator[Again]:
        """Every row whose id an earlier one has; in no particular order."""
        for share in self._shares:
            share.seek(0)
            known: dict[bytes, tuple[bytes, int]] = {}
            while packed := share.read(_ROW.size):
                key, content, line, group = _ROW.unpack(packed)
                first_content, first = known.setdefault(key, (content, line))
                if first != line:
                    yield Again(line, first, group, content == first_content)


@contextmanager
def identities() -> Iterator[Identities]:
    """A place to note rows; what it needs of the disk is gone after the block."""
    with ExitStack() as stack:
        yield Identities(
            [stack.enter_context(SpooledTemporaryFile(_IN_MEMORY)) for _ in range(_SHARES)]
        )
