"""ONNX Runtime fp32 in process: batches of 32, sorted by length, two threads; texts a second, tokenizing not counted.

peer_onnxruntime.py MODEL.onnx MODEL_FOLDER TEXTS.txt
"""
import json
import os
import pathlib
import sys
import time

import numpy as np
import onnxruntime as ort
from tokenizers import Tokenizer

BATCH = 32
SECONDS = 4

options = ort.SessionOptions()
options.intra_op_num_threads = len(os.sched_getaffinity(0))
session = ort.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
tokenizer = Tokenizer.from_file(str(pathlib.Path(sys.argv[2]) / "tokenizer.json"))
tokenizer.no_padding()
tokenizer.enable_truncation(256)
rows = sorted((tokenizer.encode(t).ids for t in pathlib.Path(sys.argv[3]).read_text().splitlines()), key=len)


def batch_of(ids):
    longest = max(len(i) for i in ids)
    out = np.zeros((len(ids), longest), dtype=np.int64)
    mask = np.zeros_like(out)
    for r, i in enumerate(ids):
        out[r, : len(i)] = i
        mask[r, : len(i)] = 1
    return {"input_ids": out, "attention_mask": mask, "token_type_ids": np.zeros_like(out)}


def embed(feed):
    hidden = session.run(None, feed)[0]
    mask = feed["attention_mask"][:, :, None].astype(np.float32)
    mean = (hidden * mask).sum(1) / mask.sum(1)
    return mean / np.linalg.norm(mean, axis=1, keepdims=True)


feeds = [batch_of(rows[i : i + BATCH]) for i in range(0, len(rows), BATCH)]
embed(feeds[0])
done, started = 0, time.perf_counter()
while time.perf_counter() - started < SECONDS:
    for feed in feeds:
        done += len(embed(feed))
print(json.dumps({"per_second": done / (time.perf_counter() - started)}))
