"""Writes the workloads: W1 512 texts of 8 to 64 tokens, W2 128 passages of 200 to 256; as text and as /serve bodies.

workloads.py MODEL_FOLDER OUT_FOLDER
"""
import json
import pathlib
import sys

from tokenizers import Tokenizer

from texts import texts

tokenizer = Tokenizer.from_file(str(pathlib.Path(sys.argv[1]) / "tokenizer.json"))
tokenizer.no_truncation()
tokenizer.no_padding()
for name, count, low, high in (("W1", 512, 8, 64), ("W2", 128, 200, 256)):
    lines = texts(tokenizer, count, low, high, seed=7)
    out = pathlib.Path(sys.argv[2]) / name
    out.with_suffix(".txt").write_text("\n".join(lines) + "\n")
    bodies = [json.dumps({"model": "all-MiniLM-L6-v2", "inputs": text}) for text in lines]
    out.with_suffix(".jsonl").write_text("\n".join(bodies) + "\n")
