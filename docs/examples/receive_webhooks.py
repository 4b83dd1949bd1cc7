"""Receive signed webhooks, as a finance platform would.

    pip install standardwebhooks
    WEBHOOK_SECRET=whsec_... python receive_webhooks.py --port 8190

Prints one line per event. The signature is looked at before anything else; what came before (the
same `webhook-id`) is answered and passed over. An answer of 2xx says that the event is kept: a real
receiver writes it to its database before it answers, and works on it afterwards.
"""

import argparse
import os
from http.server import BaseHTTPRequestHandler, HTTPServer

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

WEBHOOK = Webhook(os.environ["WEBHOOK_SECRET"])
SEEN: set[str] = set()


class Receiver(BaseHTTPRequestHandler):
    """One POST per event; those of one account come one after the other."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            event = WEBHOOK.verify(body, headers)
        except WebhookVerificationError:
            self._answer(401)
            return
        if headers["webhook-id"] not in SEEN:
            SEEN.add(headers["webhook-id"])
            print(event["type"], event["subject"], event["data"].get("sequence"), flush=True)
        self._answer(204)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Receive webhooks.")
    parser.add_argument("--port", type=int, default=8190)
    HTTPServer(("127.0.0.1", parser.parse_args().port), Receiver).serve_forever()
