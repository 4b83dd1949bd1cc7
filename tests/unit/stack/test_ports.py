"""A port that was given is its program's: while that is not yet up, while it runs, between lives."""

import socket
import sys

import pytest

from tanzhang.stack import ports

KEPT = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux lets a server bind beside us"
)


def test_no_port_is_given_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "FREE_PORTS", range(21_000, 21_100))
    assert len({ports.free_port() for _ in range(50)}) == 50


def test_a_server_can_have_the_port_again_and_again() -> None:
    port = ports.free_port()
    for _ in range(3):
        assert not ports.port_is_taken(port)
        with socket.create_server(("127.0.0.1", port)):
            assert ports.port_is_taken(port)
            assert ports.answers(port)
        assert not ports.answers(port)


@KEPT
def test_nobody_else_takes_the_port_while_its_program_is_dead() -> None:
    port = ports.free_port()
    with socket.create_server(("127.0.0.1", port)):
        pass
    # What binds for a connection of its own, or looks for a port, does not set SO_REUSEADDR.
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", port))
