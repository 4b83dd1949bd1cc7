"""Letting the server's user reach files below directories that only we may search.

PostgreSQL refuses to run as root, so root runs it as `nobody`. A clone made by `mktemp -d`
or below a home directory has mode 700 somewhere above it; search permission (x, never r)
for others is added there, on directories that we own.
"""

import os
import pwd
import stat
import sys
from pathlib import Path

from tanzhang.stack import StackError

SERVER_USER = "nobody"


def server_user(data: Path) -> tuple[int, int] | None:
    """(uid, gid) to run PostgreSQL as; None for ourselves. Existing data keeps its owner."""
    owner = data.stat() if data.exists() else None
    if os.geteuid() != 0:
        if owner is not None and owner.st_uid != os.geteuid():
            raise StackError(
                f"{data} belongs to user {owner.st_uid} (it was made by another user, perhaps "
                "root): run as that user, or choose another --data-dir"
            )
        return None
    if owner is not None and owner.st_uid != 0:
        return owner.st_uid, owner.st_gid
    try:
        entry = pwd.getpwnam(SERVER_USER)
    except KeyError:
        raise StackError(
            f"PostgreSQL does not run as root and there is no user {SERVER_USER!r}: "
            "run as an ordinary user, or set DATABASE_URL"
        ) from None
    return entry.pw_uid, entry.pw_gid


def make_searchable(user: tuple[int, int], *targets: Path) -> None:
    """Let `user` search each target directory and all above it, saying so when it must change."""
    above = [d for target in targets for d in (target.resolve(), *target.resolve().parents)]
    opened = [d for d in dict.fromkeys(above) if _open(d, user[0])]
    if opened:
        outermost = min(opened, key=lambda directory: len(directory.parts))
        more = f" and {len(opened) - 1} more on the way" if len(opened) > 1 else ""
        print(
            f"tanzhang: running as root, so PostgreSQL runs as user {user[0]}: search permission "
            f"(o+x) was added to {outermost}{more}",
            file=sys.stderr,
        )


def make_readable(tree: Path) -> None:
    """Let others read a tree of public software that was installed under a strict umask."""
    for path in (tree, *tree.rglob("*")):
        if path.is_symlink() or not path.exists():
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        wanted = mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
        if wanted != mode:
            path.chmod(wanted)


def _open(directory: Path, user: int) -> bool:
    status = directory.stat()
    if status.st_mode & stat.S_IXOTH or status.st_uid == user:
        return False
    if status.st_uid != os.geteuid():
        raise StackError(
            f"{directory} belongs to user {status.st_uid} and user {user} may not search it: "
            "run as its owner, or choose another --data-dir (and place of the checkout)"
        )
    directory.chmod(stat.S_IMODE(status.st_mode) | stat.S_IXOTH)
    return True
