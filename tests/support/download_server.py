"""A local HTTP server, and misbehaving answers."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from unittest import mock

Answer = bytes | Callable[[BaseHTTPRequestHandler], None]


@contextlib.contextmanager
def serving(answers: dict[str, Answer]) -> Iterator[str]:
    """Serve ``answers`` by path, and 404 otherwise; yield the URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = answers.get(self.path)
            if answer is None:
                self.send_error(404)
            elif callable(answer):
                answer(self)
            else:
                head(self, len(answer))
                self.wfile.write(answer)

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *args: object) -> None:  # clients that disconnect early are expected
            pass

    with (
        mock.patch.dict(os.environ, NO_PROXY="127.0.0.1", no_proxy="127.0.0.1"),
        Server(("127.0.0.1", 0), Handler) as server,
    ):
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def head(request: BaseHTTPRequestHandler, length: int) -> None:
    request.send_response(200)
    request.send_header("Content-Length", str(length))
    request.end_headers()


def hang(request: BaseHTTPRequestHandler) -> None:
    time.sleep(3)


def hang_in_the_middle(request: BaseHTTPRequestHandler) -> None:
    head(request, 10**6)
    request.wfile.write(bytes(20_000))
    time.sleep(3)


def trickle(request: BaseHTTPRequestHandler) -> None:
    for _ in range(100):  # an endless header, each byte within the time-out of a single read
        request.wfile.write(b"x")
        time.sleep(0.03)


def trickle_the_body(request: BaseHTTPRequestHandler) -> None:
    head(request, 10**7)
    for _ in range(100):
        request.wfile.write(bytes(10_000))
        time.sleep(0.03)


def break_off(request: BaseHTTPRequestHandler) -> None:
    head(request, 1000)
    request.wfile.write(bytes(100))
