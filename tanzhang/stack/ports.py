"""TCP ports of 127.0.0.1 for programs that are started later, and again."""

import secrets
import socket

# Below the range that systems take the ports of outgoing connections from.
FREE_PORTS = range(20_000, 32_768)
_given: set[int] = set()


def free_port() -> int:
    """A port that nobody has and that is given only once.

    It stays bound here, so that no outgoing connection and nobody who looks for a port takes it
    while the program it was chosen for is not yet up, or dead. On Linux servers can listen on it
    beside us, as they set SO_REUSEADDR and we don't listen; where they can't, it is let go.
    """
    while True:
        port = secrets.choice(FREE_PORTS)
        bound = _bound(port)
        if bound is None:
            continue
        _given.add(port)
        if port_is_taken(port):
            bound.close()
        else:
            bound.detach()  # it ends with this process
        return port


def port_is_taken(port: int) -> bool:
    """Whether a server could not listen on the port."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return True
    return False


def answers(port: int) -> bool:
    """Whether something accepts connections."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def _bound(port: int) -> socket.socket | None:
    """A socket that has the port to itself and then would share it, or None."""
    if port in _given:
        return None
    bound = socket.socket()
    try:
        bound.bind(("127.0.0.1", port))
    except OSError:
        bound.close()
        return None
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return bound
