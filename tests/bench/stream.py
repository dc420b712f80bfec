"""What streaming and scheduling promise, measured on a real model: a part of run.py.

Each figure is one of a table with its goal; the order of things is asserted in tests/flow/test_stream.c, here come the times.
The client is as small as RFC 6455 allows: text frames, masked, no fragments.
"""
import base64
import json
import os
import socket
import statistics
import struct
import time

MODEL = "all-MiniLM-L6-v2"


class Socket:
    """/serve/stream of a server on loopback."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET /serve/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode())
        self.file = self.socket.makefile("rb", 1 << 20)
        if b" 101 " not in self.file.readline():
            raise SystemExit("the server does not speak WebSocket at /serve/stream")
        while self.file.readline().strip():
            pass

    def send(self, *frames):
        out = bytearray()
        for frame in frames:
            data = json.dumps(frame).encode()
            size = bytes([0x80 | len(data)]) if len(data) < 126 else struct.pack(">BH", 0xFE, len(data)) if len(data) < 65536 else struct.pack(">BQ", 0xFF, len(data))
            out += b"\x81" + size + bytes(4) + data  # a mask of zeros changes nothing
        self.socket.sendall(out)

    def receive(self):
        first, size = self.file.read(2)
        size = struct.unpack(">H", self.file.read(2))[0] if size == 126 else struct.unpack(">Q", self.file.read(8))[0] if size == 127 else size
        data = self.file.read(size)
        return json.loads(data) if first == 0x81 else {"type": "control"}

    def ends(self, count):
        """Frames until `count` questions have ended."""
        while count:
            frame = self.receive()
            count -= frame["type"] in ("done", "error")
            yield frame

    def close(self):
        self.file.close()
        self.socket.close()


def start(name, inputs, **more):
    return {"type": "start", "id": str(name), "model": MODEL, "inputs": inputs, **more}


def rows_of(server):
    """Inputs that the engine was given, and tokens."""
    counts = {}
    for line in server.get("/metrics").splitlines():
        for name in ("sched_rows_total", "sched_tokens_total"):
            if line.startswith("aethercore_" + name):
                counts[name] = counts.get(name, 0) + float(line.split()[-1])
    return counts["sched_rows_total"], counts["sched_tokens_total"]


def first_item(socket, texts):
    """512 texts: ms to the first item, to the last, and the share."""
    begun = time.monotonic()
    socket.send(start("a", texts))
    times = [time.monotonic() - begun for frame in socket.ends(1)]
    return times[0] * 1e3, times[-1] * 1e3, times[0] / times[-1]


def interleaved(socket, texts):
    """8 ids with 64 texts each: which share of all items had come when the last id had its first one."""
    socket.send(*(start(i, texts[64 * i:64 * i + 64]) for i in range(8)))
    seen, items, when = set(), 0, None
    for frame in socket.ends(8):
        items += frame["type"] == "item"
        seen.add(frame["id"])
        when = items if when is None and len(seen) == 8 else when
    return when / items


def cancelled(server, socket, texts):
    """512 texts, cancelled at the first item: inputs that were computed, and ms from the cancel to the end."""
    before = rows_of(server)[0]
    socket.send(start("a", texts))
    socket.receive()
    begun = time.monotonic()
    socket.send({"type": "cancel", "id": "a"})
    frames = list(socket.ends(1))
    ms = (time.monotonic() - begun) * 1e3
    if frames[-1].get("error", {}).get("code") != "cancelled":
        raise SystemExit(f"not cancelled: {frames[-1]}")
    return rows_of(server)[0] - before, ms


def deadlines(server, socket, texts):
    """200 questions that may take 50 ms: answered, late, and computed beyond the answered ones."""
    before = rows_of(server)[0]
    socket.send(*(start(i, texts[i], timeout_ms=50) for i in range(200)))
    kinds = [frame["type"] for frame in socket.ends(200) if frame["type"] != "item"]
    return kinds.count("done"), kinds.count("error"), rows_of(server)[0] - before - kinds.count("done")


def priority(socket, texts):
    """500 questions of low priority, then one of high: its place among the ends, its ms and those of all."""
    begun = time.monotonic()
    socket.send(*(start(i, texts[i], priority="low") for i in range(500)))
    socket.send(start("urgent", texts[0], priority="high"))
    sent, ends = time.monotonic(), 0
    for frame in socket.ends(501):
        ends += frame["type"] != "item"
        if frame["id"] == "urgent" and frame["type"] == "done":
            place, ms = ends, (time.monotonic() - sent) * 1e3
    return place, ms, (time.monotonic() - begun) * 1e3


def bench(server, texts, rounds):
    socket = Socket(server.port)
    list(socket.send(start("warm", texts[:64])) or socket.ends(1))
    rows = {name: [] for name in ("first", "turns", "cancel", "late", "urgent")}
    for _ in range(rounds):
        rows["first"].append(first_item(socket, texts))
        rows["turns"].append(interleaved(socket, texts))
        rows["cancel"].append(cancelled(server, socket, texts))
        rows["late"].append(deadlines(server, socket, texts))
        rows["urgent"].append(priority(socket, texts))
    socket.close()

    def median(name, column=None):
        return statistics.median(row if column is None else row[column] for row in rows[name])

    return {
        "first_of_512_ms": median("first", 0),
        "all_512_ms": median("first", 1),
        "first_to_all": median("first", 2),
        "8_ids_all_begun_at_share_of_items": median("turns"),
        "cancelled_inputs_computed_of_512": median("cancel", 0),
        "cancelled_ms_to_the_end": median("cancel", 1),
        "50_ms_deadline_answered_of_200": median("late", 0),
        "50_ms_deadline_computed_in_vain": max(row[2] for row in rows["late"]),
        "urgent_place_among_501": median("urgent", 0),
        "urgent_ms": median("urgent", 1),
        "501_ms": median("urgent", 2),
    }
