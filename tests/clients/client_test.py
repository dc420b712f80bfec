#!/usr/bin/env python3
"""AetherCore's WebSocket from Python, with the package websockets: no client library of ours.
The last line is "N passed, N failed"."""
import base64
import json
import sys
import unittest

import websockets.exceptions
import websockets.sync.client

from server import ROOT, Server
from spec import check

KEY = "a-key-of-this-test-0123456789"
TINY = ROOT / "tests/data/tiny-bert"
WAIT_S = 20


def raw(value):
    return {"tensors": [{"name": "x", "dtype": "int32", "shape": [1], "data": [value]}]}


class Stream(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server({"tiny-bert": TINY, "org/echo": {}, "slow": {"delay_ms": 600}}, env={"HEIMNETZ_API_KEY": KEY}).__enter__()
        cls.spec = cls.server.call("GET", "/openapi.json")[2]
        cls.address = cls.server.url.replace("http:", "ws:") + "/serve/stream"

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def connect(self, **options):
        options.setdefault("additional_headers", {"Authorization": f"Bearer {KEY}"})
        return websockets.sync.client.connect(self.address, max_size=None, open_timeout=WAIT_S, **options)

    def say(self, socket, **frame):
        socket.send(json.dumps(frame))

    def hear(self, socket):
        frame = json.loads(socket.recv(WAIT_S))
        check(self.spec, {"$ref": "#/components/schemas/ServerFrame"}, frame)
        return frame

    def hear_all(self, socket, ids):
        """{id: [its frames]} until each has ended."""
        heard = {one: [] for one in ids}
        while not all(frames and frames[-1]["type"] in ("done", "error") for frames in heard.values()):
            frame = self.hear(socket)
            heard[frame["id"]].append(frame)
        return heard

    def test_each_input_comes_back_once_and_like_the_answer_of_serve(self):
        texts = [f"text number {i}" for i in range(200)]
        whole = self.server.call("POST", "/serve", {"model": "tiny-bert", "inputs": texts}, {"X-Api-Key": KEY})[2]
        with self.connect(subprotocols=["heimnetz.msp"]) as socket:
            self.assertEqual(socket.subprotocol, "heimnetz.msp")
            self.say(socket, type="start", id="a", model="tiny-bert", inputs=texts)
            frames = self.hear_all(socket, ["a"])["a"]
        items = frames[:-1]
        self.assertEqual(sorted(item["index"] for item in items), list(range(200)))
        for item in items:
            for got, wanted in zip(item["output"], whole["outputs"][item["index"]], strict=True):
                self.assertAlmostEqual(got, wanted, places=4)
        done = frames[-1]
        self.assertEqual((done["type"], done["items"], done["task"], done["usage"]["tokens"]),
                         ("done", 200, "embed", whole["usage"]["tokens"]))

    def test_eight_questions_share_a_socket(self):
        ids = [f"q{i}" for i in range(8)]
        with self.connect() as socket:
            for one in ids:
                self.say(socket, type="start", id=one, model="tiny-bert", inputs=[f"{one} {i}" for i in range(64)])
            order = []
            while len(order) < 8 * 65:
                frame = self.hear(socket)
                self.assertIn(frame["type"], ("item", "done"))
                order.append(frame["id"])
        self.assertEqual([order.count(one) for one in ids], [65] * 8)

    def test_an_urgent_question_overtakes_a_long_one(self):
        with self.connect() as socket:
            self.say(socket, type="start", id="long", model="tiny-bert", inputs=["a b c d e f"] * 8000)
            self.say(socket, type="start", id="short", model="tiny-bert", inputs="x", priority="high")
            ends = []
            while len(ends) < 2:
                frame = self.hear(socket)
                ends += [frame["id"]] if frame["type"] == "done" else []
        self.assertEqual(ends, ["short", "long"])

    def test_a_cancel_ends_one_question_and_no_other(self):
        with self.connect() as socket:
            for one in ("keep", "drop"):
                self.say(socket, type="start", id=one, model="slow", inputs=raw(1))
            self.say(socket, type="cancel", id="drop")
            heard = self.hear_all(socket, ["keep", "drop"])
        self.assertEqual(heard["drop"][-1]["error"]["code"], "cancelled")
        self.assertEqual(heard["keep"][-1]["type"], "done")
        self.assertEqual(heard["keep"][0]["output"]["tensors"][0]["data"], [1])

    def test_what_is_wrong_is_said_and_the_socket_goes_on(self):
        with self.connect() as socket:
            socket.send("{")
            self.assertEqual(self.hear(socket)["error"]["code"], "parse_error")
            self.say(socket, type="begin", id="a")
            self.assertEqual(self.hear(socket)["error"]["param"], "type")
            self.say(socket, type="start", id="a", model="nosuch", inputs="x")
            frame = self.hear(socket)
            self.assertEqual((frame["id"], frame["error"]["code"]), ("a", "model_not_found"))
            self.say(socket, type="start", id="a", model="tiny-bert", inputs="x")
            self.assertEqual([frame["type"] for frame in self.hear_all(socket, ["a"])["a"]], ["item", "done"])

    def test_text_comes_through_in_any_script(self):
        with self.connect() as socket:
            for text in ("Grüße", "日本語", "🏡🌲", "a\0b", "\u2028", '"\\/'):
                tensors = {"tensors": [{"name": "t", "dtype": "string", "shape": [1], "data": [text]}]}
                self.say(socket, type="start", id=text, model="org/echo", inputs=tensors)
                item = self.hear_all(socket, [text])[text][0]
                self.assertEqual(item["output"]["tensors"][0]["data"], [text])

    def test_pings_are_answered_and_a_close_is_orderly(self):
        with self.connect() as socket:
            self.assertTrue(socket.ping().wait(WAIT_S))
            socket.close(1000, "thank you")
            self.assertEqual(socket.protocol.close_code, 1000)

    def test_bytes_are_refused_by_a_close(self):
        with self.connect() as socket:
            socket.send(b"\x00\x01")
            with self.assertRaises(websockets.exceptions.ConnectionClosed) as closed:
                self.hear(socket)
            self.assertEqual(closed.exception.rcvd.code, 1003)

    def test_the_key_is_wanted_as_a_field_or_as_a_subprotocol(self):
        with self.assertRaises(websockets.exceptions.InvalidStatus) as refused:
            self.connect(additional_headers={})
        self.assertEqual(refused.exception.response.status_code, 401)
        shown = "heimnetz.key." + base64.urlsafe_b64encode(KEY.encode()).decode().rstrip("=")
        with self.connect(additional_headers={}, subprotocols=["heimnetz.msp", shown]) as socket:
            self.assertEqual(socket.subprotocol, "heimnetz.msp")

    def test_a_plain_get_is_told_to_upgrade(self):
        status, headers, answer = self.server.call("GET", "/serve/stream", headers={"X-Api-Key": KEY})
        self.assertEqual((status, headers["Upgrade"].lower()), (426, "websocket"), answer)


if __name__ == "__main__":
    outcome = unittest.main(exit=False, verbosity=2).result
    failed = len(outcome.failures) + len(outcome.errors)
    print(f"{outcome.testsRun - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
