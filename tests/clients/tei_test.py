#!/usr/bin/env python3
"""The API of Text Embeddings Inference, over plain HTTP and by Hugging Face's own client. The last line is "N passed, N failed"."""
import unittest

import huggingface_hub

import suite
from models import CHAT, CLASSIFY, EMBED, ENV, KEY, MODELS, RERANK, cosine, wait_until
from server import Server

TEXTS = ["a cat", "a dog", "tax law"]


class Tei(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(MODELS, env=ENV).__enter__()
        # Without "model" it is the only one that is ready; here several are.
        cls.hf = huggingface_hub.InferenceClient(base_url=cls.server.url, api_key=KEY, timeout=60)

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def ask(self, path, body, status=200):
        got, headers, answer = self.server.call("POST", path, body, {"Authorization": f"Bearer {KEY}"})
        self.assertEqual(got, status, answer)
        return answer

    def test_a_text_and_texts_become_rows_of_vectors(self):
        one, many = self.ask("/embed", {"model": EMBED, "inputs": TEXTS[0]}), self.ask("/embed", {"model": EMBED, "inputs": TEXTS})
        self.assertEqual([len(one), len(one[0]), len(many)], [1, 384, 3])
        self.assertGreater(cosine(one[0], many[0]), 0.9999)
        self.assertAlmostEqual(sum(x * x for x in one[0]), 1, places=4)

    def test_tokens_become_the_vector_of_their_text(self):
        tokens = [token["id"] for token in self.ask("/tokenize", {"model": EMBED, "inputs": "a house"})[0]]
        wanted = self.ask("/embed", {"model": EMBED, "inputs": "a house"})[0]
        for inputs in (tokens, [tokens]):
            self.assertGreater(cosine(self.ask("/embed", {"model": EMBED, "inputs": inputs})[0], wanted), 0.9999)

    def test_every_token_has_a_vector_of_its_own(self):
        rows = self.ask("/embed_all", {"model": EMBED, "inputs": ["a house", "a"]})
        self.assertEqual([(len(row), len(row[0])) for row in rows], [(4, 384), (3, 384)])
        mean = [sum(column) / 4 for column in zip(*rows[0])]  # its pooling
        self.assertGreater(cosine(mean, self.ask("/embed", {"model": EMBED, "inputs": "a house"})[0]), 0.9999)

    def test_texts_become_tokens_and_tokens_text(self):
        tokens = self.ask("/tokenize", {"model": EMBED, "inputs": "a house"})[0]
        self.assertEqual([token["id"] for token in tokens], [101, 1037, 2160, 102])
        self.assertEqual([(token["special"], token["start"], token["stop"]) for token in tokens],
                         [(True, None, None), (False, 0, 1), (False, 2, 7), (True, None, None)])
        bare = self.ask("/tokenize", {"model": EMBED, "inputs": ["a house", "Grüße"], "add_special_tokens": False})
        self.assertEqual([len(row) > 0 for row in bare], [True, True])
        self.assertEqual([token["id"] for token in bare[0]], [1037, 2160])
        self.assertEqual(self.ask("/decode", {"model": EMBED, "ids": [101, 1037, 2160, 102]}), ["a house"])
        self.assertEqual(self.ask("/decode", {"model": EMBED, "ids": [[1037], [2160]]}), ["a", "house"])
        self.assertEqual(self.ask("/decode", {"model": EMBED, "ids": [101, 1037], "skip_special_tokens": False}), ["[CLS] a"])

    def test_texts_are_ranked(self):
        ranks = self.ask("/rerank", {"model": RERANK, "query": "a cat", "texts": TEXTS, "return_text": True})
        self.assertEqual(sorted(rank["index"] for rank in ranks), [0, 1, 2])
        self.assertEqual([rank["score"] for rank in ranks], sorted((rank["score"] for rank in ranks), reverse=True))
        self.assertEqual(ranks[0]["text"], TEXTS[ranks[0]["index"]])
        jina = self.ask("/v1/rerank", {"model": RERANK, "query": "a cat", "documents": TEXTS, "top_n": 2})
        self.assertEqual([result["index"] for result in jina["results"]], [rank["index"] for rank in ranks[:2]])

    def test_labels_of_one_text_of_a_pair_and_of_several(self):
        one = self.ask("/predict", {"model": CLASSIFY, "inputs": "a cat"})
        self.assertAlmostEqual(sum(label["score"] for label in one), 1, places=4)
        pair = self.ask("/predict", {"model": CLASSIFY, "inputs": ["a cat", "a dog"]})
        self.assertIn("label", pair[0])
        batch = self.ask("/predict", {"model": CLASSIFY, "inputs": [["a cat"], ["a cat", "a dog"]]})
        for got, wanted in zip(batch, (one, pair)):
            self.assertEqual([label["label"] for label in got], [label["label"] for label in wanted])

    def test_sentences_are_compared(self):
        scores = self.ask("/similarity", {"model": EMBED, "inputs": {"source_sentence": "a cat", "sentences": TEXTS}})
        self.assertAlmostEqual(scores[0], 1, places=3)
        self.assertGreater(scores[1], scores[2])

    def test_errors_have_the_words_and_the_numbers_of_tei(self):
        for body, status, kind in (({"model": "nobody", "inputs": "x"}, 404, "Backend"), ({"model": EMBED}, 422, "Validation"),
                                   ({"model": EMBED, "inputs": []}, 422, "Validation"), ({"model": CHAT, "inputs": "x"}, 424, "Backend"),
                                   ({"model": EMBED, "inputs": "x " * 5000, "truncate": False}, 422, "Validation")):
            answer = self.ask("/embed", body, status)
            self.assertEqual(sorted(answer), ["error", "error_type"])
            self.assertEqual(answer["error_type"], kind, answer)

    def test_hugging_face_chats(self):
        say = [{"role": "user", "content": "say this"}]
        answer = self.hf.chat.completions.create(model=CHAT, messages=say)
        self.assertEqual(answer.choices[0].message.content, "say this")
        parts = self.hf.chat.completions.create(model=CHAT, messages=say, stream=True)
        self.assertEqual("".join(part.choices[0].delta.content or "" for part in parts), "say this")


class Alone(unittest.TestCase):
    """A server with one model is a server of TEI: nobody needs to name it."""

    def test_what_it_serves_is_told_and_asked_without_a_name(self):
        with Server({EMBED: MODELS[EMBED]}, "--set", f"models.load={EMBED}") as server:
            ask = lambda method, path, body=None: server.call(method, path, body)[2]
            wait_until(lambda: server.call("GET", "/info")[0] == 200)  # it is loaded
            info = ask("GET", "/info")
            self.assertEqual((info["model_id"], info["max_input_length"]), (EMBED, 256))
            self.assertEqual(info["model_type"], {"embedding": {"pooling": "mean"}})
            client = huggingface_hub.InferenceClient(model=server.url, timeout=60)
            self.assertEqual(len(ask("POST", "/embed", {"inputs": "a cat"})[0]), 384)
            vector = client.feature_extraction("a cat")
            self.assertEqual(vector.shape[-1], 384)


if __name__ == "__main__":
    suite.main()
