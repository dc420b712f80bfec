"""Hugging Face's tokenizers in process, one thread, batches of 64: the lines of a file, again and again for some seconds.

peer_tokenizers.py FOLDER TEXTS.txt [SECONDS]        prints {"megabytes_per_second": …, "tokens_per_second": …}
"""
import json
import os
import pathlib
import sys
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"

from tokenizers import Tokenizer

tokenizer = Tokenizer.from_file(str(pathlib.Path(sys.argv[1]) / "tokenizer.json"))
tokenizer.no_padding()
tokenizer.no_truncation()
lines = pathlib.Path(sys.argv[2]).read_text(encoding="utf-8").split("\n")
batches = [lines[i : i + 64] for i in range(0, len(lines), 64)]
size = sum(len(line.encode()) for line in lines)
seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 2


def encode_all():
    return sum(len(encoding) for batch in batches for encoding in tokenizer.encode_batch(batch))


encode_all()
tokens, rounds, started = 0, 0, time.perf_counter()
while time.perf_counter() - started < seconds:
    tokens += encode_all()
    rounds += 1
spent = time.perf_counter() - started
print(json.dumps({"megabytes_per_second": rounds * size / spent / 1e6, "tokens_per_second": tokens / spent}))
