#!/usr/bin/env python3
"""A hub on loopback for tests: Hugging Face's API over a folder of fixtures, with storage on a port of its own, and
ready to misbehave.

    hub.py FOLDER [--cert FILE --key FILE]

FOLDER/org/name/ is the repository org/name at main; FOLDER/org/name@v1/ is its revision v1. A file of 1,000 bytes or
more, or named *.safetensors or *.gguf, is "large": the hub redirects to storage, as it does for LFS. Prints one
line of JSON with its ports (hub, storage, control) and ends when its standard input does.

POST /control, on the control port, with JSON sets, until the next one (all optional):
    rename   {"old": "org/new"}         old redirects to new, within the hub
    gated    ["org/name"]               files need the token "good"
    private  ["org/name"]               all of it needs the token "good"
    blobs    false                      listings without sizes and hashes
    siblings {"org/name": [...]}        what a listing says instead of the truth: names, or whole entries
    crowd    {"org/name": n}            n more files of long names in the listing
    rules    [{...}]                    each applies to requests whose place and path match:
        "at": "hub" or "storage", "path": regular expression, "method": default GET
        "skip": n leaves the first n out, "times": n applies to n of them; default all
        "do": what to do:
            status: answer "status", with "retry_after" and "code" (X-Error-Code) when given
            cut:    close after "bytes" of the body
            range:  no ranges: the whole file with 200
            shift:  a range of other bytes than was asked for
            length: Content-Length is larger by "bytes"
            spoil:  the first byte of the body is another
            etag:   another ETag and X-Linked-ETag
            commit: another X-Repo-Commit
            loop:   redirect to itself
            away:   redirect to "to"
            slow:   "bytes" a second
            hang:   the head, then nothing until the client goes
            text:   a page of HTML
GET /control gives what came since the last POST: a list of {at, method, path, range, token, status, sent}, token being
what stood in Authorization and sent the bytes of bodies.
"""
import argparse
import hashlib
import http.server
import json
import pathlib
import re
import ssl
import sys
import threading
import time
import urllib.parse

LARGE_BYTES = 1000
PIECE = 65536


class Repository:
    """The files of one revision; what it says of them is true."""

    def __init__(self, folder):
        self.paths = {p.relative_to(folder).as_posix(): p for p in sorted(folder.rglob("*")) if p.is_file()}
        self.entries, digest = {}, hashlib.sha1()
        for path, file in self.paths.items():
            self.entries[path] = entry = describe(path, file.read_bytes())
            digest.update(f"{path} {entry['blobId']}\n".encode())
        self.commit = digest.hexdigest()


def git_hash(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def describe(path, data):
    entry = {"rfilename": path, "size": len(data), "blobId": git_hash(data)}
    if len(data) >= LARGE_BYTES or path.endswith((".safetensors", ".gguf")):
        sha256 = hashlib.sha256(data).hexdigest()
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {len(data)}\n".encode()
        entry["blobId"] = git_hash(pointer)
        entry["lfs"] = {"sha256": sha256, "size": len(data), "pointerSize": len(pointer)}
    return entry


def read_part(file, first, count):
    with open(file, "rb") as opened:
        opened.seek(first)
        return opened.read(count)


class Hub:
    def __init__(self, folder):
        self.folder, self.cache, self.lock = folder, {}, threading.Lock()
        self.log, self.control = [], {}
        self.seen = {}  # rule -> how often it matched

    def repository(self, name, revision):
        """None: no such model; False: no such revision."""
        with self.lock:
            main = self.load(self.folder / name)
            if main is None:
                return None
            for folder in [self.folder / name, *sorted(self.folder.glob(f"{name}@*"))]:
                repository = self.load(folder)
                if revision in (repository.commit, folder.name.partition("@")[2] or "main"):
                    return repository
            return False

    def load(self, folder):
        if not folder.is_dir():
            return None
        stamp = tuple((str(p), p.stat().st_mtime_ns, p.stat().st_size) for p in sorted(folder.rglob("*")))
        if self.cache.get(folder, (None,))[0] != stamp:
            self.cache[folder] = (stamp, Repository(folder))
        return self.cache[folder][1]

    def rule(self, at, method, path):
        with self.lock:
            for number, rule in enumerate(self.control.get("rules", [])):
                if rule.get("at", "hub") != at or rule.get("method", "GET") != method or not re.search(rule["path"], path):
                    continue
                seen = self.seen[number] = self.seen.get(number, 0) + 1
                first = rule.get("skip", 0)
                if first < seen <= first + rule.get("times", 1 << 30):
                    return rule
        return {}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "test-hub", ""
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    # --- the way in ---

    def do_GET(self):
        hub, at = self.server.hub, self.server.at
        url = urllib.parse.urlsplit(self.path)
        self.url_path = urllib.parse.unquote(url.path)
        self.query = urllib.parse.parse_qs(url.query)
        if at == "control":
            self.entry, self.rule = None, {}
            return self.send_json(hub.log)
        token = self.headers.get("Authorization", "").removeprefix("Bearer ") or None
        self.entry = {"at": at, "method": self.command, "path": self.url_path, "range": self.headers.get("Range"),
                      "token": token, "status": 0, "sent": 0}
        hub.log.append(self.entry)
        self.rule = hub.rule(at, self.command, self.url_path)
        try:
            if not self.obey():
                self.answer_storage() if at == "storage" else self.answer_hub()
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            self.close_connection = True

    do_HEAD = do_GET

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.entry, self.rule = None, {}
        if self.server.at != "control":
            return self.refuse(404)
        hub = self.server.hub
        hub.control, hub.seen, hub.log = json.loads(body or b"{}"), {}, []
        self.send_json({})

    def obey(self):
        """What a rule says instead of an answer. True: it was said."""
        do = self.rule.get("do")
        if do == "status":
            fields = {"X-Error-Code": self.rule.get("code"), "Retry-After": self.rule.get("retry_after")}
            self.refuse(self.rule["status"], {k: str(v) for k, v in fields.items() if v is not None})
        elif do == "loop":
            self.redirect(self.path)
        elif do == "away":
            self.redirect(self.rule["to"])
        elif do == "text":
            self.send_whole(b"<html>please log in</html>", {"Content-Type": "text/html"})
        return do in ("status", "loop", "away", "text")

    # --- the hub ---

    def answer_hub(self):
        api = re.fullmatch(r"/api/models/([^/]+(?:/[^/]+)?)(?:/(revision|tree)/(.+))?", self.url_path)
        file = re.fullmatch(r"/([^/]+(?:/[^/]+)?)/resolve/([^/]+|refs/pr/\d+)/(.+)", self.url_path)
        match = api or file
        if not match:
            return self.refuse(404)
        name, revision = match[1], (api[3] if api else file[2]) or "main"
        new = self.server.hub.control.get("rename", {}).get(name)
        if new:
            return self.redirect(self.path.replace(f"/{name}", f"/{new}", 1), 307)
        repository = self.server.hub.repository(name, revision)
        if not self.may_see(name, repository, bool(file)):
            return None
        if repository is False:
            return self.refuse(404, {"X-Error-Code": "RevisionNotFound"})
        if api:
            return self.send_tree(repository) if api[2] == "tree" else self.send_listing(name, repository)
        return self.send_file(repository, file[3])

    def may_see(self, name, repository, file):
        control, token = self.server.hub.control, self.entry["token"]
        if repository is None or (name in control.get("private", []) and token != "good"):
            self.refuse(404 if token else 401, {"X-Error-Code": "RepoNotFound"})
        elif token not in (None, "good", "stranger"):
            self.refuse(401)
        elif file and name in control.get("gated", []) and token != "good":
            self.refuse(403 if token else 401, {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted"})
        else:
            return True
        return False

    def send_listing(self, name, repository):
        control = self.server.hub.control
        siblings = list(repository.entries.values())
        if "blobs" not in self.query or control.get("blobs") is False:
            siblings = [{"rfilename": e["rfilename"]} for e in siblings]
        said = control.get("siblings", {}).get(name)
        if said is not None:
            siblings = [repository.entries.get(e, {"rfilename": e}) if isinstance(e, str) else e for e in said]
        crowd = control.get("crowd", {}).get(name, 0)
        siblings = siblings + [{"rfilename": f"{i:01000d}.png"} for i in range(crowd)]
        self.send_json({"_id": "0", "id": name, "modelId": name, "sha": repository.commit, "private": False,
                        "gated": "auto" if name in control.get("gated", []) else False, "disabled": False,
                        "downloads": 0, "likes": 0, "tags": [], "siblings": siblings})

    def send_tree(self, repository):
        self.send_json([{"type": "file", "path": e["rfilename"], "size": e["size"], "oid": e["blobId"],
                         **({"lfs": {"oid": e["lfs"]["sha256"], "size": e["size"],
                                     "pointerSize": e["lfs"]["pointerSize"]}} if "lfs" in e else {})}
                        for e in repository.entries.values()])

    def send_file(self, repository, path):
        entry = repository.entries.get(path)
        if entry is None:
            return self.refuse(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": repository.commit})
        other = "0" * 40
        commit = other if self.rule.get("do") == "commit" else repository.commit
        fields = {"X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        if "lfs" in entry:
            etag = "0" * 64 if self.rule.get("do") == "etag" else entry["lfs"]["sha256"]
            fields |= {"X-Linked-Size": str(entry["size"]), "X-Linked-ETag": f'"{etag}"'}
            scheme = "https" if self.server.tls else "http"
            place = repository.paths[path].relative_to(self.server.hub.folder)
            place = f"{scheme}://127.0.0.1:{self.server.storage_port}/blob/{place}?Signature=abc"
            return self.redirect(place, 302, fields)
        etag = other if self.rule.get("do") == "etag" else entry["blobId"]
        return self.send_part(repository.paths[path], fields | {"ETag": f'"{etag}"'})

    # --- storage ---

    def answer_storage(self):
        file = self.server.hub.folder / self.url_path.removeprefix("/blob/")
        if "Signature" not in self.query or not file.is_file():
            return self.refuse(403)
        return self.send_part(file, {"ETag": '"storage-has-its-own"', "Accept-Ranges": "bytes"})

    # --- answers ---

    def send_part(self, file, fields):
        """A file, or the range of it that was asked for; here the rules about bodies come in."""
        do, size = self.rule.get("do"), file.stat().st_size
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        if not asked or do == "range":
            return self.send_body(200, read_part(file, 0, size), fields)
        first, last = int(asked[1]), min(int(asked[2] or size), size - 1)
        if first >= size:
            return self.refuse(416, {"Content-Range": f"bytes */{size}"})
        if do == "shift":
            first, last = first + 1, min(last + 1, size - 1)
        part = read_part(file, first, last + 1 - first)
        return self.send_body(206, part, fields | {"Content-Range": f"bytes {first}-{last}/{size}"})

    def send_body(self, status, data, fields):
        do, count = self.rule.get("do"), self.rule.get("bytes", 0)
        if do == "spoil":
            data = bytes([data[0] ^ 1]) + data[1:]
        self.start(status, fields | {"Content-Length": str(len(data) + (count if do == "length" else 0))})
        if self.command == "HEAD":
            return
        if do == "hang":
            self.wfile.flush()
            self.connection.recv(1)
        data = data[:count] if do == "cut" else b"" if do == "hang" else data
        self.send_pieces(data, count if do == "slow" else 0)
        self.close_connection = self.close_connection or do in ("cut", "length", "hang")

    def send_pieces(self, data, bytes_a_second):
        piece = min(PIECE, max(bytes_a_second // 20, 1)) if bytes_a_second else PIECE
        for at in range(0, len(data), piece):
            self.wfile.write(data[at:at + piece])
            self.entry["sent"] += len(data[at:at + piece])
            if bytes_a_second:
                time.sleep(piece / bytes_a_second)

    def send_whole(self, data, fields):
        self.start(200, fields | {"Content-Length": str(len(data))})
        if self.command != "HEAD":
            self.wfile.write(data)

    def send_json(self, value):
        self.send_whole(json.dumps(value).encode(), {"Content-Type": "application/json"})

    def redirect(self, to, status=302, fields=None):
        self.start(status, {"Location": to, "Content-Length": "0", **(fields or {})})

    def refuse(self, status, fields=None):
        self.start(status, {"Content-Length": "0", **(fields or {})})

    def start(self, status, fields):
        if self.entry:
            self.entry["status"] = status
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, hub, at, tls):
        super().__init__(("127.0.0.1", 0), Handler)
        self.hub, self.at, self.tls = hub, at, tls
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server_address[1]

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (OSError, ssl.SSLError)):
            super().handle_error(request, client_address)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--cert")
    parser.add_argument("--key")
    args = parser.parse_args()
    tls = None
    if args.cert:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(args.cert, args.key)
    hub = Hub(args.folder.resolve())
    servers = {at: Server(hub, at, tls if at != "control" else None) for at in ("hub", "storage", "control")}
    servers["hub"].storage_port = servers["storage"].port
    for server in servers.values():
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({at: server.port for at, server in servers.items()}), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
