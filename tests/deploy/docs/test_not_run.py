"""What cannot be run here is marked, counted, and looked at: options, targets, services, paths."""

import ast
import subprocess
from pathlib import Path

import pytest

from tests.deploy.docs import pages, reading
from tests.deploy.docs.pages import Block

# A further block that is not run is a decision: it is counted here.
NOT_RUN = {
    "README.md": 2,
    "README.zh-CN.md": 2,
    "docs/operating.md": 7,
    "deploy/compose/README.md": 1,
    "deploy/k8s/README.md": 4,
    "shared/stream/README.md": 1,
    "tanzhang/importers/README.md": 1,
    "tests/kafka/README.md": 1,
}
# A mapping file, which tests/unit/importers reads.
NO_COMMANDS = {"mermaid", "console", "yaml"}


def _marked(page: Path, language: str = "") -> list[Block]:
    found = [block for block in pages.blocks(page) if block.note.startswith(pages.NOT_RUN)]
    return [block for block in found if language in ("", block.language)]


@pytest.mark.parametrize("page", pages.EVERY, ids=pages.name)
def test_what_is_not_run_is_counted_and_says_why(page: Path) -> None:
    marked = _marked(page)
    assert len(marked) == NOT_RUN.get(pages.name(page), 0)
    assert all(block.note.removeprefix(pages.NOT_RUN).strip() for block in marked)


@pytest.mark.parametrize("page", pages.EVERY, ids=pages.name)
def test_every_block_is_run_or_marked_or_no_command(page: Path) -> None:
    known = {*pages.COMMANDS, *pages.SHOWN, *NO_COMMANDS}
    assert {block.language for block in pages.blocks(page)} <= known


@pytest.mark.parametrize("page", pages.BESIDE, ids=pages.name)
def test_beside_the_code_nothing_seems_to_be_run(page: Path) -> None:
    assert pages.steps(page) == []


@pytest.mark.parametrize(
    "block", [b for page in pages.EVERY for b in _marked(page, "python")], ids=str
)
def test_python_that_is_not_run_is_python(block: Block) -> None:
    compile(block.text, str(block), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pytest.mark.parametrize("block", [b for page in pages.EVERY for b in _marked(page, "sh")], ids=str)
def test_what_is_not_run_could_be(block: Block) -> None:
    parsed = subprocess.run(
        ["sh", "-n"], input=block.text, capture_output=True, text=True, check=False
    )
    assert parsed.stderr == ""
    faults = [fault for words in reading.commands(block.text) if (fault := reading.fault(words))]
    assert faults == []


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        ("make nothing", "make has no nothing"),
        ("tanzhang audit --nothing", "No such option"),
        ("tanzhang nothing", "No such command"),
        ("tanzhang run nothing", "'nothing' is not one of"),
        ("docker compose stop nothing", "docker-compose.yml has no service nothing"),
        ("docker compose run --rm points rebuild nothing", "'nothing' is not one of"),
        ("docker compose run --rm setup 'tanzhang topics --nothing'", "No such option"),
        ("kubectl exec deployment/audit -- tanzhang nothing", "No such command"),
        ("TOKEN=$(docker compose run --rm -T token --nothing)", "No such option"),
        ("kubectl apply -k deploy/nothing", "deploy/nothing has no kustomization.yaml"),
        ("kubectl delete job/nothing", "deploy/k8s has no job/nothing"),
        ("sh nothing.sh", "there is no nothing.sh"),
        ("nothing at all", "nothing: a command nobody looks at"),
    ],
)
def test_a_command_that_is_wrong_is_found(command: str, fault: str) -> None:
    faults = [found for words in reading.commands(command) if (found := reading.fault(words))]
    assert len(faults) == 1
    assert fault in faults[0]
