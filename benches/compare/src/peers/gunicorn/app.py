"""The application of the gunicorn peer, see ../gunicorn.rs and ../../scenario.rs."""

STREAM_SIZE = 1 << 30
PIECE = b"x" * (64 * 1024)


def answer(env, start_response):
    path = env["PATH_INFO"]
    if path == "/stream":
        start_response("200 OK", [("Content-Type", "text/html")])
        return (PIECE for _ in range(STREAM_SIZE // len(PIECE)))
    status, body = ("200 OK", b"<b>hello world</b>") if path == "/" else ("404 Not Found", b"<h1>Not Found</h1>")
    # Without a length gunicorn would send chunks.
    start_response(status, [("Content-Type", "text/html"), ("Content-Length", str(len(body)))])
    return [body]
