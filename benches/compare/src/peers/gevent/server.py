"""The gevent peer: server.py SERVICE PORT CERT KEY, see ../gevent.rs and ../../scenario.rs."""

import socket
import sys

from gevent.pywsgi import WSGIServer
from gevent.server import StreamServer

STREAM_SIZE = 1 << 30
PIECE = b"x" * (64 * 1024)


class NoDelay:
    """gevent leaves Nagle's algorithm on, which costs 44 ms a request here."""

    def do_handle(self, *args):
        args[0].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().do_handle(*args)


class Wsgi(NoDelay, WSGIServer):
    pass


class Echo(NoDelay, StreamServer):
    pass


def answer(env, start_response):
    path = env["PATH_INFO"]
    if path == "/":
        start_response("200 OK", [("Content-Type", "text/html")])
        return [b"<b>hello world</b>"]
    if path == "/stream":
        start_response("200 OK", [("Content-Type", "text/html")])
        return (PIECE for _ in range(STREAM_SIZE // len(PIECE)))
    start_response("404 Not Found", [("Content-Type", "text/html")])
    return [b"<h1>Not Found</h1>"]


def echo(connection, _address):
    try:
        while data := connection.recv(4096):
            connection.sendall(data)
    except OSError:
        pass


def main():
    service, port, cert, key = sys.argv[1:]
    tls = {"certfile": cert, "keyfile": key} if service in ("https", "tls-echo") else {}
    address = ("127.0.0.1", int(port))
    if service in ("echo", "tls-echo"):
        server = Echo(address, echo, backlog=1024, **tls)
    else:
        server = Wsgi(address, answer, log=None, error_log=None, backlog=1024, **tls)
    server.serve_forever()


main()
