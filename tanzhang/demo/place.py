"""Where a demonstration lives: a directory of its own, gone afterwards unless it is wanted."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

APART = ("TANZHANG_", "KAFKA_")


@contextmanager
def fresh_directory(parent: Path, *, keep: bool) -> Iterator[Path]:
    """A new directory below `parent`, removed with all in it unless it is to be kept."""
    was_there = parent.exists()
    parent.mkdir(mode=0o711, parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="demo-", dir=parent))
    # As `up` makes its own: PostgreSQL's user has to pass through.
    directory.chmod(0o711)
    try:
        yield directory
    finally:
        if not keep:
            shutil.rmtree(directory, ignore_errors=True)
            if not was_there:
                with suppress(OSError):
                    parent.rmdir()


def own_environment(given: Mapping[str, str]) -> dict[str, str]:
    """Without the variables that lead to other servers: a made-up city belongs in none of them."""
    return {
        name: value
        for name, value in given.items()
        if not name.startswith(APART) and not name.endswith(("DATABASE_URL", "DATABASE_URL_FILE"))
    }
