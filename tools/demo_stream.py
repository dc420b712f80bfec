#!/usr/bin/env python3
"""Asks one question with COUNT texts over WS /serve/stream and prints the first and the last frames, with the time of each;
asks another one and cancels it after its first items. Nothing but Python's own library: the protocol is JSON in text frames
(docs/msp.md, section 8; RFC 6455).

    demo_stream.py http://127.0.0.1:8001 MODEL COUNT
"""
import base64
import json
import os
import socket
import sys
import time
import urllib.parse

SHOWN = 3
TEXT = 0x81  # one whole text message


def connect(address):
    at = urllib.parse.urlsplit(address)
    wire = socket.create_connection((at.hostname, at.port), timeout=60)
    key = base64.b64encode(os.urandom(16)).decode()
    wire.sendall(f"GET /serve/stream HTTP/1.1\r\nHost: {at.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode())
    stream = wire.makefile("rb")
    status = stream.readline().decode().strip()
    while stream.readline() not in (b"\r\n", b""):
        pass
    if " 101 " not in status + " ":
        sys.exit(f"{address}: {status}")
    return wire, stream


def length_bytes(count, mask):
    if count < 126:
        return bytes([mask | count])
    if count < 1 << 16:
        return bytes([mask | 126]) + count.to_bytes(2, "big")
    return bytes([mask | 127]) + count.to_bytes(8, "big")


def say(wire, frame):
    data, mask = json.dumps(frame).encode(), os.urandom(4)  # a client masks what it sends (5.3)
    hidden = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
    wire.sendall(bytes([TEXT]) + length_bytes(len(data), 0x80) + mask + hidden)


def hear(stream):
    head = stream.read(2)
    if len(head) < 2 or head[0] != TEXT:
        sys.exit("the server has ended the connection")
    count = head[1] & 0x7F
    if count >= 126:
        count = int.from_bytes(stream.read(2 if count == 126 else 8), "big")
    return json.loads(stream.read(count))


def line(seconds, what, text):
    print(f"{seconds * 1000:9.1f} ms  {what:<6}  {text}")


def show(seconds, frame):
    if frame["type"] == "item":
        line(seconds, "item", f"input {frame['index']}: [{', '.join(f'{x:.3f}' for x in frame['output'][:3])}, …]")
    elif frame["type"] == "done":
        line(seconds, "done", f"{frame['items']} items, {frame['usage']['tokens']} tokens")
    else:
        line(seconds, "error", frame["error"]["message"])


def ask(wire, stream, question, items_max=None):
    """Yields (seconds since it was asked, frame) to the end of the answer; after items_max items it is cancelled."""
    started, count, frame = time.monotonic(), 0, {"type": "item"}
    say(wire, {"type": "start", **question})
    while frame["type"] == "item":
        frame = hear(stream)
        yield time.monotonic() - started, frame
        count += 1
        if count == items_max:
            line(time.monotonic() - started, "cancel", f"asked for after {count} items")
            say(wire, {"type": "cancel", "id": question["id"]})


def question(id, model, count):
    return {"id": id, "model": model, "inputs": [f"text number {i}" for i in range(count)]}


def main(address, model, count):
    wire, stream = connect(address)
    heard = list(ask(wire, stream, question("whole", model, int(count))))
    for seconds, frame in heard[:SHOWN]:
        show(seconds, frame)
    print(f"{'':14}… {max(0, len(heard) - 2 * SHOWN + 1)} more …")
    for seconds, frame in heard[-SHOWN + 1:]:
        show(seconds, frame)
    print()
    *_, (seconds, last) = ask(wire, stream, question("cancelled", model, int(count)), items_max=SHOWN)
    show(seconds, last)
    return heard[-1][1]["type"] != "done" or last["type"] != "error"


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
