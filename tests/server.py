"""A server on the loopback interface whose answers tests make up."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def serving(answer):
    """Serve `answer(handler)`, called for GET and POST; gives the address and the list of requests so far.

    A request is (method, path, headers).
    """
    requests = []

    class Handler(BaseHTTPRequestHandler):
        def do(self):
            requests.append((self.command, self.path, dict(self.headers)))
            if length := int(self.headers.get("Content-Length") or 0):
                self.rfile.read(length)
            answer(self)

        do_GET = do_POST = do  # noqa: N815

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", requests
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def send(handler, content, *, status=200, headers=(), cut=None):
    """Answer with `content`; with `cut`, close the connection after so many bytes of it."""
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(content)), **dict(headers)}.items():
        if value is not None:
            handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(content[:cut])
    handler.close_connection = True


def send_file(handler, content, *, tag='"1"', cut=None):
    """Answer as a server of files does: with a part where one is asked for and the tag is still the same."""
    wanted = handler.headers.get("Range")
    headers = {"ETag": tag, "Accept-Ranges": "bytes"}
    if wanted and handler.headers.get("If-Range") in (None, tag):
        first = int(wanted.removeprefix("bytes=").removesuffix("-"))
        told = f"bytes {first}-{len(content) - 1}/{len(content)}"
        send(handler, content[first:], status=206, headers={**headers, "Content-Range": told}, cut=cut)
    else:
        send(handler, content, headers=headers, cut=cut)
