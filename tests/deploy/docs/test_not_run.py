"""What cannot be run here is marked, counted, and looked at: options, targets, services, paths."""

import subprocess
from pathlib import Path

import pytest

from tests.deploy.docs import pages, reading
from tests.deploy.docs.pages import Block

# A further block that is not run is a decision: it is counted here.
NOT_RUN = {"README.md": 2, "README.zh-CN.md": 2, "docs/operating.md": 6}


def _marked(page: Path) -> list[Block]:
    return [block for block in pages.blocks(page) if block.note.startswith(pages.NOT_RUN)]


LOOKED_AT = [block for page in [*pages.RUN, pages.TRANSLATED] for block in _marked(page)] + [
    block for page in pages.BESIDE for block in pages.blocks(page) if block.language == "sh"
]


@pytest.mark.parametrize("page", [*pages.RUN, pages.TRANSLATED], ids=pages.name)
def test_what_is_not_run_is_counted_and_says_why(page: Path) -> None:
    marked = _marked(page)
    assert len(marked) == NOT_RUN.get(pages.name(page), 0)
    assert all(block.note.removeprefix(pages.NOT_RUN).strip() for block in marked)


@pytest.mark.parametrize("page", [*pages.RUN, pages.TRANSLATED], ids=pages.name)
def test_every_block_is_run_or_marked_or_no_command(page: Path) -> None:
    no_commands = {"mermaid", "console"}
    known = {*pages.COMMANDS, *pages.SHOWN, *no_commands}
    assert {block.language for block in pages.blocks(page)} <= known


@pytest.mark.parametrize("block", LOOKED_AT, ids=str)
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
