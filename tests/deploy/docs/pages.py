"""The pages of the documentation, and what is on them: fenced blocks, headings, links.

```sh blocks are run in the order of their page, in one shell; a ```json or ```text block shows
what the one before it says, with … for what differs each time. What cannot be run here is
```sh no-run: and the reason.
"""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
# README.zh-CN.md has the blocks of README.md, which is tested, so that they are run once.
TRANSLATED = ROOT / "README.zh-CN.md"
RUN = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# Beside the code: their commands are looked at and not run.
BESIDE = [
    path
    for folder in ("benchmarks", "deploy", "services", "shared", "tanzhang", "tests")
    for path in sorted((ROOT / folder).rglob("*.md"))
]
EVERY = [*RUN, TRANSLATED, *BESIDE]
COMMANDS, SHOWN = ("sh", "python"), ("json", "text")
NOT_RUN = "no-run:"

_FENCE = re.compile(r"^( *)```(.*)$")


@dataclass(slots=True, frozen=True)
class Block:
    """A fenced block; `line` is that of its fence, `note` what follows the language there."""

    page: Path
    line: int
    language: str
    note: str
    text: str

    def __str__(self) -> str:
        return f"{name(self.page)}:{self.line}"

    def is_run(self) -> bool:
        return self.language in COMMANDS and not self.note.startswith(NOT_RUN)


@dataclass(slots=True, frozen=True)
class Step:
    """A block that is run, and the one that shows what it says."""

    block: Block
    shown: Block | None


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page; ValueError when one is not closed."""
    found: list[Block] = []
    lines = iter(enumerate(page.read_text("utf-8").splitlines(), 1))
    for number, line in lines:
        if (fence := _FENCE.match(line)) is None:
            continue
        language, _, note = fence[2].partition(" ")
        inside = []
        for _, inner in lines:
            if inner == f"{fence[1]}```":
                break
            inside.append(inner.removeprefix(fence[1]))
        else:
            raise ValueError(f"{name(page)}:{number}: this block is not closed")
        found.append(Block(page, number, language, note.strip(), "\n".join(inside) + "\n"))
    return found


def steps(page: Path) -> list[Step]:
    """What is run on a page, each with what is shown of it; ValueError for output of nothing."""
    found: list[Step] = []
    before: Block | None = None
    for block in blocks(page):
        if block.is_run():
            found.append(Step(block, None))
        elif block.language in SHOWN:
            if before is None or not before.is_run():
                raise ValueError(f"{block}: shows what no command before it says")
            found[-1] = Step(before, block)
        before = block
    return found


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    kept, inside = [], False
    for line in page.read_text("utf-8").splitlines():
        if _FENCE.match(line):
            inside = not inside
        elif not inside:
            kept.append(line)
    return "\n".join(kept)
