#!/usr/bin/env python3
"""Frameworks that speak to us through other clients, unmodified: LangChain and LlamaIndex. The last line is "N passed, N failed"."""
import asyncio
import unittest

from langchain_core.messages import HumanMessage, SystemMessage
from langchain_ollama import ChatOllama, OllamaEmbeddings, OllamaLLM
from langchain_openai import ChatOpenAI, OpenAI, OpenAIEmbeddings
from llama_index.core.llms import ChatMessage
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from llama_index.llms.openai_like import OpenAILike

import suite
from models import CHAT, EMBED, ENV, KEY, MODELS, cosine
from server import Server

SAY = [SystemMessage("be brief"), HumanMessage("say this")]
TEXTS = ["a cat", "tax law"]


class Framework(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(MODELS, env=ENV).__enter__()
        cls.v1 = cls.server.url + "/v1"
        cls.header = {"headers": {"Authorization": f"Bearer {KEY}"}}

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def check_embeddings(self, of_one, of_many):
        self.assertEqual([len(vector) for vector in of_many(TEXTS)], [384, 384])
        self.assertGreater(cosine(of_one(TEXTS[0]), of_many(TEXTS)[0]), 0.9999)


class LangChain(Framework):
    def check_chat(self, model):
        answer = model.invoke(SAY)
        self.assertEqual(answer.content, "say this")
        self.assertGreater(answer.usage_metadata["output_tokens"], 8)
        self.assertEqual("".join(chunk.content for chunk in model.stream(SAY)), "say this")
        self.assertEqual([one.content for one in model.batch(["a", "b"])], ["a", "b"])
        self.assertEqual(asyncio.run(model.ainvoke("hello")).content, "hello")

    def test_openai_chats(self):
        self.check_chat(ChatOpenAI(model=CHAT, base_url=self.v1, api_key=KEY, max_retries=0, stream_usage=True))

    def test_openai_goes_on_with_a_text(self):
        model = OpenAI(model=CHAT, base_url=self.v1, api_key=KEY, max_retries=0)
        self.assertEqual(model.invoke("hello"), "hello")
        self.assertEqual("".join(model.stream("hello")), "hello")

    def test_openai_embeds(self):
        # Else it sends token ids of OpenAI's own vocabulary, which mean something else here.
        model = OpenAIEmbeddings(model=EMBED, base_url=self.v1, api_key=KEY, check_embedding_ctx_length=False)
        self.check_embeddings(model.embed_query, model.embed_documents)

    def test_ollama_chats(self):
        self.check_chat(ChatOllama(model=CHAT, base_url=self.server.url, client_kwargs=self.header))

    def test_ollama_goes_on_with_a_text(self):
        model = OllamaLLM(model=CHAT, base_url=self.server.url, client_kwargs=self.header)
        self.assertEqual(model.invoke("hello"), "hello")
        self.assertEqual("".join(model.stream("hello")), "hello")

    def test_ollama_embeds(self):
        model = OllamaEmbeddings(model=EMBED, base_url=self.server.url, client_kwargs=self.header)
        self.check_embeddings(model.embed_query, model.embed_documents)


class LlamaIndex(Framework):
    def model(self, **options):
        return OpenAILike(model=CHAT, api_base=self.v1, api_key=KEY, max_retries=0, **options)

    def test_it_chats(self):
        model, say = self.model(is_chat_model=True), [ChatMessage(role="user", content="say this")]
        self.assertEqual(model.chat(say).message.content, "say this")
        self.assertEqual("".join(part.delta for part in model.stream_chat(say)), "say this")
        self.assertEqual(asyncio.run(model.achat(say)).message.content, "say this")

    def test_it_goes_on_with_a_text(self):
        model = self.model(is_chat_model=False, max_tokens=100)
        self.assertEqual(model.complete("hello").text, "hello")
        self.assertEqual("".join(part.delta for part in model.stream_complete("hello")), "hello")

    def test_it_embeds(self):
        model = OpenAILikeEmbedding(model_name=EMBED, api_base=self.v1, api_key=KEY)
        self.check_embeddings(model.get_query_embedding, model.get_text_embedding_batch)


if __name__ == "__main__":
    suite.main()
