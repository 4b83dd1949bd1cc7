"""`python -m shared.methodology.loader DIR` validates a directory and prints what it holds."""

import sys
from pathlib import Path

from shared.methodology.files import DATA, load
from shared.methodology.reader import MethodologyError


def main(arguments: list[str]) -> int:
    """Validate a directory (default: the packaged one); 0 when all is well, 1 otherwise."""
    directory = Path(arguments[0]) if arguments else DATA
    try:
        files = load(directory)
    except MethodologyError as error:
        print(error, file=sys.stderr)
        return 1
    for editions in files.values():
        for document in editions.documents:
            rows = sum(len(section) for section in document.sections.values())
            print(f"{document.file}: {document.header.set}@{document.header.version}, {rows} rows")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
