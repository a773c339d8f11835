"""A hub on this machine that tests fetch from: datasets with commits, plain files, and faults that are asked for."""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
BODY = bytes(range(256)) * 40


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def git_id(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class StandIn:
    """A hub on this machine: datasets with commits, files at addresses of their own, and faults that are asked for."""

    def __init__(self):
        self.head = {"some/data": COMMIT}
        self.trees = {("some/data", COMMIT): {}}
        self.files = {}
        self.tags = {}
        self.faults = []
        """Calls that may answer a request for bytes in their own way, the first one first; each is used once."""
        self.requests = []
        self.refused = {}
        """Path of a request -> statuses and the hub's codes of errors to answer with, one a request."""
        self.page = 1000

    def __enter__(self):
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                owner.answer(self)

            do_HEAD = do_GET  # noqa: N815  the name that http.server calls

            def log_message(self, *_arguments):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_arguments):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        return self

    def __exit__(self, *_arguments):
        self.server.shutdown()
        self.server.server_close()

    def put(self, path, content=BODY, commit=COMMIT, repo="some/data", large=True):
        """Put a file into a commit of a dataset."""
        self.trees.setdefault((repo, commit), {})[path] = (content, large)
        self.head.setdefault(repo, commit)

    def asked(self, method="GET", part="/resolve/"):
        """Give the requests so far whose path has a part."""
        return [each for each in self.requests if each[0] == method and part in each[1]]

    def answer(self, request):
        """Answer one request."""
        path = unquote(urlsplit(request.path).path)
        self.requests.append((request.command, path, dict(request.headers)))
        if self.refused.get(path):
            status, code = self.refused[path].pop(0)
            self.plain(request, status, b"no", {"Retry-After": "7", "X-Error-Code": code})
        elif path.startswith("/api/datasets/"):
            self.api(request, path.removeprefix("/api/datasets/").split("/"))
        elif "/resolve/" in path:
            repo, _, rest = path.removeprefix("/datasets/").partition("/resolve/")
            commit, _, name = rest.partition("/")
            content, _large = self.trees.get((repo, commit), {}).get(name, (None, None))
            self.bytes(request, content, f'"{sha256(content or b"")}"', {"X-Repo-Commit": commit})
        else:
            self.bytes(request, self.files.get(path), self.tags.get(path, f'"{path}"'))

    def api(self, request, parts):
        """Answer what the library asks."""
        repo = "/".join(parts[:2])
        if repo not in self.head:
            self.plain(request, 404, b"{}", {"X-Error-Code": "RepoNotFound"})
        elif len(parts) == 2 or parts[2] == "revision":
            commit = self.head[repo]
            self.plain(request, 200, json.dumps({"id": repo, "sha": commit}).encode())
        else:
            commit, folder = parts[3], "/".join(parts[4:])
            entries = list(self.tree(repo, commit, folder, deep="recursive=true" in request.path.lower()))
            at = int(dict(pair.split("=") for pair in urlsplit(request.path).query.split("&")).get("cursor", 0))
            more = {}
            if at + self.page < len(entries):
                address = f"{self.url}{urlsplit(request.path).path}?recursive=True&cursor={at + self.page}"
                more = {"Link": f'<{address}>; rel="next"'}
            if entries:
                self.plain(request, 200, json.dumps(entries[at : at + self.page]).encode(), more)
            else:
                self.plain(request, 404, b"{}", {"X-Error-Code": "EntryNotFound"})

    def tree(self, repo, commit, folder, *, deep):
        """List a folder of a commit as the hub does."""
        for path, (content, large) in sorted(self.trees.get((repo, commit), {}).items()):
            if folder and not path.startswith(f"{folder}/"):
                continue
            if not deep and "/" in path.removeprefix(f"{folder}/" if folder else ""):
                yield {"type": "directory", "path": path.rpartition("/")[0], "oid": "0" * 40}
                continue
            entry = {"type": "file", "path": path, "size": len(content), "oid": git_id(content)}
            if large:
                entry["lfs"] = {"oid": sha256(content), "size": len(content), "pointerSize": 100}
            yield entry

    def bytes(self, request, content, tag, headers=()):
        """Answer with a file or the range of it that was asked for, unless a fault is due."""
        if request.command == "GET" and self.faults:
            fault = self.faults.pop(0)
            if fault is not None:
                fault(request, content)
                return
        if content is None:
            self.plain(request, 404, b"no such file")
            return
        headers = {"ETag": tag, **dict(headers)}
        start = request.headers.get("Range", "").removeprefix("bytes=").removesuffix("-")
        if start and request.headers.get("If-Range", tag) == tag:
            if int(start) >= len(content):
                self.plain(request, 416, b"")
                return
            span = f"bytes {start}-{len(content) - 1}/{len(content)}"
            self.plain(request, 206, content[int(start) :], {**headers, "Content-Range": span})
        else:
            self.plain(request, 200, content, headers)

    @staticmethod
    def plain(request, status, content, headers=()):
        """Answer with these very bytes."""
        request.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **dict(headers)}.items():
            request.send_header(name, value)
        request.end_headers()
        if request.command == "GET":
            request.wfile.write(content)


def cut(after, **more):
    """Make a fault: the connection ends after so many bytes."""

    def fault(request, content):
        headers = {"Content-Length": str(len(content)), "ETag": more.get("tag", f'"{urlsplit(request.path).path}"')}
        StandIn.plain(request, 200, content[:after], headers)
        request.close_connection = True

    return fault


def hang_up(request, _content):
    """End the connection without an answer, as a fault."""
    request.close_connection = True


def chunked(content):
    """Make a fault: the answer has no length, and holds something else."""

    def fault(request, _content):
        request.send_response(200)
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        request.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(content), content))

    return fault


def answers(status, content=b"", **headers):
    """Make a fault: an answer of one's own."""

    def fault(request, _content):
        StandIn.plain(request, status, content, {name.replace("_", "-"): value for name, value in headers.items()})

    return fault
