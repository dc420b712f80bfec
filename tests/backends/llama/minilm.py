#!/usr/bin/env python3
"""Converts a BERT of sentence-transformers into a GGUF file with 32-bit weights, as llama.cpp's own converter names things.

    minilm.py MODEL_FOLDER FILE.gguf
"""
import json
import pathlib
import re
import struct
import sys

import gguf

NAMES = {
    "embeddings.word_embeddings": "token_embd", "embeddings.token_type_embeddings": "token_types",
    "embeddings.position_embeddings": "position_embd", "embeddings.LayerNorm": "token_embd_norm",
}
LAYER_NAMES = {
    "attention.self.query": "attn_q", "attention.self.key": "attn_k", "attention.self.value": "attn_v",
    "attention.output.dense": "attn_output", "attention.output.LayerNorm": "attn_output_norm",
    "intermediate.dense": "ffn_up", "output.dense": "ffn_down", "output.LayerNorm": "layer_output_norm",
}


def tensors(path):
    with open(path, "rb") as file:
        head = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        start = file.tell()
        for name, item in head.items():
            if name != "__metadata__" and (to := name_of(name)):
                file.seek(start + item["data_offsets"][0])
                yield to, tuple(reversed(item["shape"])), file.read(item["data_offsets"][1] - item["data_offsets"][0])


def name_of(name):
    """None: a tensor that embedding does not need."""
    name = name.removeprefix("bert.")
    base, kind = name.rsplit(".", 1)
    if layer := re.fullmatch(r"encoder\.layer\.(\d+)\.(.+)", base):
        return f"blk.{layer[1]}.{LAYER_NAMES[layer[2]]}.{kind}"
    return f"{NAMES[base]}.{kind}" if base in NAMES else None


def vocabulary(path):
    """Words begin with a mark, the inside of words does not; special tokens stay as they are."""
    special = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}
    for word in path.read_text(encoding="utf-8").split("\n"):
        if word:
            yield (word, 3) if word in special else (word[2:] if word.startswith("##") else "▁" + word, 1)


def main(folder, target):
    config = json.loads((folder / "config.json").read_text())
    words = list(vocabulary(folder / "vocab.txt"))
    tokens = [word for word, _ in words]
    pairs = [
        ("general.architecture", "string", "bert"), ("general.name", "string", folder.name),
        ("bert.context_length", "u32", config["max_position_embeddings"]),
        ("bert.embedding_length", "u32", config["hidden_size"]), ("bert.block_count", "u32", config["num_hidden_layers"]),
        ("bert.feed_forward_length", "u32", config["intermediate_size"]),
        ("bert.attention.head_count", "u32", config["num_attention_heads"]),
        ("bert.attention.layer_norm_epsilon", "f32", config["layer_norm_eps"]),
        ("bert.attention.causal", "bool", False), ("bert.pooling_type", "u32", 1),
        ("tokenizer.ggml.model", "string", "bert"), ("tokenizer.ggml.tokens", "[string]", tokens),
        ("tokenizer.ggml.token_type", "[i32]", [kind for _, kind in words]),
        ("tokenizer.ggml.token_type_count", "u32", config["type_vocab_size"]),
    ]
    for name, word in (("unknown", "[UNK]"), ("cls", "[CLS]"), ("bos", "[CLS]"), ("seperator", "[SEP]"),
                       ("padding", "[PAD]"), ("mask", "[MASK]")):
        pairs.append((f"tokenizer.ggml.{name}_token_id", "u32", tokens.index(word)))
    gguf.write(target, pairs, list(tensors(folder / "model.safetensors")))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
