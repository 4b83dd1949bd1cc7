"""`python -m tanzhang.probe [PORT]`: is the service of this container ready?

For container health checks, which run it every few seconds: nothing but the standard library is
imported. Without a port, whatever answers on one of the services' usual ports is asked.
"""

import http.client
import sys

HOST = "127.0.0.1"
USUAL_PORTS = range(8101, 8108)
SECONDS_MAX = 5.0


def main(arguments: list[str]) -> int:
    """0 when all that answer are ready and one does; else 1, with the reason on stderr."""
    if len(arguments) > 1 or not all(given.isdecimal() for given in arguments):
        print("usage: python -m tanzhang.probe [PORT]", file=sys.stderr)
        return 2
    ports = [int(given) for given in arguments] or USUAL_PORTS
    answers = {port: why for port in ports if (why := not_ready(port)) is not None}
    if not answers:
        print(f"nothing answers on {HOST}:{'|'.join(map(str, ports))}", file=sys.stderr)
    for port, why in answers.items():
        if why:
            print(f"{HOST}:{port} {why}", file=sys.stderr)
    return 0 if answers and not any(answers.values()) else 1


def not_ready(port: int) -> str | None:
    """Why GET /readyz is not 200; empty when it is, None when nothing listens."""
    connection = http.client.HTTPConnection(HOST, port, timeout=SECONDS_MAX)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return "" if answer.status == http.client.OK else f"says {answer.status}"
    except ConnectionRefusedError:
        return None
    except (OSError, http.client.HTTPException) as error:
        return f"gave no answer: {type(error).__name__}"
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
