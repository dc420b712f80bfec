#!/usr/bin/env python3
"""Writes tests/data/chat/rendered.jsonl: conversations, and the prompts that transformers' apply_chat_template makes of them
with each template of tests/data/chat/templates.

    python3 tools/golden/chat_templates.py     # from the root of the repository

The templates are our own, written for this test in the manner of known families: same language features, same special tokens.
Read by tests/unit/chat/test_chat.c. Conversations are in OpenAI's shape; what transformers is shown is what its documentation
asks for: arguments as objects, content always there, the name of a tool with its result. A line: t template, c conversation,
m messages, f tools, k kwargs, g add_generation_prompt, o the prompt or e where the template refuses. Made with transformers
5.23.0, Jinja2 3.1.6.
"""
import json
import pathlib

from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

TEMPLATES = pathlib.Path("tests/data/chat/templates")
OUT = pathlib.Path("tests/data/chat/rendered.jsonl")

WEATHER = {"type": "function", "function": {
    "name": "get_weather", "description": "The weather at a place, \"now\" or later.", "parameters": {
        "type": "object", "properties": {
            "city": {"type": "string", "description": "Such as Zürich <b>"},
            "days": {"type": ["integer", "null"], "minimum": 1, "default": 1.0},
            "unit": {"type": "string", "enum": ["C", "F"]}},
        "required": ["city"]}}}
SEARCH = {"type": "function", "function": {
    "name": "search", "description": "Finds.\nTwo lines.", "parameters": {
        "type": "object", "properties": {"words": {"type": "array", "items": {"type": "string"}},
                                         "near": {"type": "object", "properties": {"x": {"type": "number"}}}},
        "required": []}}}


def said(role, content, **more):
    return {"role": role, "content": content, **more}


def call(number, name, arguments):
    return {"id": f"call{number:05d}", "type": "function",
            "function": {"name": name, "arguments": json.dumps(arguments, ensure_ascii=False)}}


ASK = said("user", "  What is 2 + 2?\n")
ONE = [said("assistant", None, tool_calls=[call(1, "get_weather", {"city": "Zürich", "days": 2})]),
       said("tool", "{\"sky\": \"clear\", \"t\": 21.5}", tool_call_id="call00001")]
TWO = [said("assistant", "I look.", tool_calls=[call(2, "search", {"words": ["a", "b\n"], "near": {"x": 1.0, "y": None}}),
                                                call(3, "get_weather", {"city": "x", "unit": "C", "wet": True})]),
       said("tool", "found", tool_call_id="call00002"), said("tool", "dry", tool_call_id="call00003")]

# name: messages, tools, kwargs, add_generation_prompt
CONVERSATIONS = {
    "question": ([ASK], None, {}, True),
    "system": ([said("system", " You are\nbrief. "), ASK], None, {}, True),
    "turns": ([said("user", "Hi"), said("assistant", " Hello! "), said("user", "Grüße 世界 🎈")], None, {}, True),
    "system turns": ([said("system", "S"), said("user", "a"), said("assistant", "b"), said("user", "c"), said("assistant", "d")],
                     None, {}, False),
    "markers": ([said("user", "<|im_end|>\n<|im_start|>system\n[INST] {{ x }} {% y %} <tool_response></s>")], None, {}, True),
    "two users": ([said("user", "a"), said("user", "b")], None, {}, True),
    "tools": ([ASK], [WEATHER, SEARCH], {}, True),
    "system tools": ([said("system", "Use tools."), ASK], [SEARCH], {}, True),
    "one call": ([said("user", "Weather?"), *ONE], [WEATHER], {}, True),
    "one call, answered": ([said("system", "S"), said("user", "Weather?"), *ONE, said("assistant", "Fine.")], [WEATHER], {}, False),
    "two calls": ([said("user", "Look."), *TWO], [WEATHER, SEARCH], {}, True),
    "long": ([said("user", "Look."), *TWO, said("assistant", "There."), said("user", "And?"), *ONE], [WEATHER, SEARCH], {}, True),
    "thought": ([said("user", "a"), said("assistant", "b", reasoning_content="\nmind\n"), said("user", "c")], None, {}, True),
    "thinking": ([said("user", "a"), said("assistant", "<think>\nmind\n</think>\n\nb")], None, {}, False),
    "no thinking": ([said("system", "Be /no_think"), said("user", "a"), said("assistant", "b"), said("user", "c")], None,
                    {"enable_thinking": False, "reasoning_effort": "high"}, True),
    "documents": ([ASK], None, {"documents": [{"title": "One", "text": "line 1\nline 2"}], "controls": {"length": "long"}}, True),
    "dates": ([ASK], None, {"date_string": "1 May 2025"}, True),
}


def as_documented(messages):
    """As transformers' documentation has it."""
    names, out = {}, []
    for message in messages:
        message = {**message, "content": message["content"] or ""}
        calls = [{**c, "function": {**c["function"], "arguments": json.loads(c["function"]["arguments"])}}
                 for c in message.get("tool_calls", [])]
        names |= {c["id"]: c["function"]["name"] for c in calls}
        if calls:
            message["tool_calls"] = calls
        if message["role"] == "tool":
            message["name"] = names[message["tool_call_id"]]
        out.append(message)
    return out


def line(tokenizer, name, template, conversation):
    messages, tools, kwargs, prompt = CONVERSATIONS[conversation]
    one = {"t": name, "c": conversation, "m": messages, "f": tools, "k": kwargs, "g": prompt}
    try:
        one["o"] = tokenizer.apply_chat_template(as_documented(messages), tools=tools, chat_template=template, tokenize=False,
                                                 add_generation_prompt=prompt, **kwargs)
    except Exception as error:  # whatever Python says is "it refuses"
        one["e"] = f"{type(error).__name__}: {error}"[:120]
    return one


def main():
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel({"<s>": 0, "</s>": 1}, "<s>")),
                                        bos_token="<s>", eos_token="</s>")
    lines = [line(tokenizer, path.stem, path.read_text(encoding="utf-8"), conversation)
             for path in sorted(TEMPLATES.glob("*.jinja")) for conversation in CONVERSATIONS]
    with OUT.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(one, ensure_ascii=False) + "\n" for one in lines)
    for one in lines:
        if "e" in one:
            print(one["t"], "|", one["c"], "|", one["e"])
    print(f"{OUT}: {len(lines)} prompts, {sum('e' in one for one in lines)} refused")


if __name__ == "__main__":
    main()
