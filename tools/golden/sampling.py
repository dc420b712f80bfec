#!/usr/bin/env python3
"""Golden truncations: which tokens transformers' logits processors leave, and with which probabilities.

    sampling.py OUT_FOLDER

Written is chains.json: {"versions": …, "logits": [[…], …], "cases": [{"logits": index, options…, "ids": [ids that are left], "p": [their
probabilities]}]}. Read by tests/unit/sample/test_golden.c. The processors are called in the order in which transformers'
generate calls them. The logits come from a fixed seed.
"""
import json
import random
import sys
from pathlib import Path

import torch
import transformers
from transformers.generation import logits_process as lp

OFF = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "typical_p": 1.0, "repetition": 1.0, "prompt": []}

CASES = [
    {},
    {"temperature": 0.5},
    {"temperature": 1.7},
    {"top_k": 1},
    {"top_k": 10},
    {"top_k": 99},
    {"top_p": 0.1},
    {"top_p": 0.6},
    {"top_p": 0.95},
    {"min_p": 0.02},
    {"min_p": 0.3},
    {"typical_p": 0.2},
    {"typical_p": 0.7},
    {"typical_p": 0.95},
    {"repetition": 1.3, "prompt": [0, 5, 5, 17, 60, 99]},
    {"repetition": 0.8, "prompt": [3, 4, 5]},
    {"temperature": 0.7, "top_k": 40, "top_p": 0.9},
    {"temperature": 1.2, "top_k": 20, "min_p": 0.05},
    {"temperature": 0.9, "top_p": 0.9, "min_p": 0.01, "typical_p": 0.8},
    {"temperature": 1.5, "top_k": 50, "top_p": 0.97, "typical_p": 0.6, "repetition": 1.2, "prompt": [7, 8, 9, 90]},
]


def logits(seed: int) -> list[float]:
    """A peaked, a middling and a flat row of 100; no two are equal, since of equals at a border transformers keeps all."""
    spread = [3.0, 1.5, 0.3][seed]
    source = random.Random(seed)
    row = [round(source.gauss(0, spread), 5) for _ in range(100)]
    assert len(set(row)) == len(row)
    return row


def processors(o: dict) -> list:
    chain = []
    if o["repetition"] != 1:
        chain.append(lp.RepetitionPenaltyLogitsProcessor(o["repetition"]))
    if o["temperature"] != 1:
        chain.append(lp.TemperatureLogitsWarper(o["temperature"]))
    if o["top_k"] > 0:
        chain.append(lp.TopKLogitsWarper(o["top_k"]))
    if o["top_p"] < 1:
        chain.append(lp.TopPLogitsWarper(o["top_p"]))
    if o["min_p"] > 0:
        chain.append(lp.MinPLogitsWarper(o["min_p"]))
    if o["typical_p"] < 1:
        chain.append(lp.TypicalLogitsWarper(o["typical_p"]))
    return chain


def case(rows: list, index: int, options: dict) -> dict:
    o = OFF | options
    scores = torch.tensor([rows[index]], dtype=torch.float64)
    prompt = torch.tensor([o["prompt"]], dtype=torch.long)
    for process in processors(o):
        scores = process(prompt, scores)
    p = scores.softmax(-1)[0]
    ids = [i for i in range(len(p)) if p[i] > 0]
    return {"logits": index, **o, "ids": ids, "p": [float(f"{p[i]:.7g}") for i in ids]}


def main() -> None:
    rows = [logits(seed) for seed in range(3)]
    lines = [json.dumps(case(rows, index, o)) for index in range(3) for o in CASES]
    versions = {"transformers": transformers.__version__, "torch": torch.__version__.split("+")[0]}
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    out.joinpath("chains.json").write_text(
        '{"versions": ' + json.dumps(versions) + ',\n"logits": [' + ",\n".join(map(json.dumps, rows)) + '],\n"cases": [\n'
        + ",\n".join(lines) + "\n]}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
