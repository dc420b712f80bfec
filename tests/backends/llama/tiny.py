#!/usr/bin/env python3
"""Makes tiny GGUF models with random weights, always the same: a generator, an encoder that pools, an adapter.

    tiny.py FOLDER       FOLDER/generate/tiny.gguf, FOLDER/embed/tiny.gguf, FOLDER/lora/tiny.gguf and FOLDER/split
"""
import pathlib
import random
import struct
import sys

import gguf

WIDTH, LAYERS, HEADS, KV_HEADS, INNER, CONTEXT = 64, 2, 4, 2, 128, 512
HEAD = WIDTH // HEADS


def numbers(count, scale, seed):
    rng = random.Random(seed)
    return struct.pack(f"<{count}f", *(rng.gauss(0, scale) for _ in range(count)))


def tensor(name, *shape, scale=0.2):
    count = 1
    for n in shape:
        count *= n
    return name, shape, numbers(count, scale, name)


def ones(name, n):
    return name, (n,), struct.pack(f"<{n}f", *[1.0] * n)


def zeros(name, n):
    return name, (n,), bytes(4 * n)


# --- a generator: Llama's architecture, a vocabulary of bytes and a few words ---

WORDS = ["▁the", "▁a", "he", "ll", "o", "▁", "t", "h", "e", "l", "a", "hello", "▁hello", "ü", "日"]


def vocabulary():
    tokens = ["<unk>", "<s>", "</s>", "<turn>"] + [f"<0x{b:02X}>" for b in range(256)] + WORDS
    kinds = [2, 3, 3, 3] + [6] * 256 + [1] * len(WORDS)  # unknown, control, byte, normal
    scores = [0.0] * 260 + [-float(k) for k in range(len(WORDS))]
    return tokens, kinds, scores


def generator_pairs():
    tokens, kinds, scores = vocabulary()
    return [
        ("general.architecture", "string", "llama"), ("general.name", "string", "tiny"),
        ("general.license", "string", "mit"),
        ("llama.context_length", "u32", CONTEXT), ("llama.embedding_length", "u32", WIDTH),
        ("llama.block_count", "u32", LAYERS), ("llama.feed_forward_length", "u32", INNER),
        ("llama.attention.head_count", "u32", HEADS), ("llama.attention.head_count_kv", "u32", KV_HEADS),
        ("llama.attention.layer_norm_rms_epsilon", "f32", 1e-5), ("llama.rope.dimension_count", "u32", HEAD),
        ("tokenizer.ggml.model", "string", "llama"), ("tokenizer.ggml.tokens", "[string]", tokens),
        ("tokenizer.ggml.scores", "[f32]", scores), ("tokenizer.ggml.token_type", "[i32]", kinds),
        ("tokenizer.ggml.unknown_token_id", "u32", 0), ("tokenizer.ggml.bos_token_id", "u32", 1),
        ("tokenizer.ggml.eos_token_id", "u32", 2), ("tokenizer.ggml.add_bos_token", "bool", True),
        ("tokenizer.ggml.add_space_prefix", "bool", False),
        ("tokenizer.chat_template", "string", "{% for m in messages %}<turn>{{ m.content }}{% endfor %}"),
    ]


def generator_tensors():
    vocab = len(vocabulary()[0])
    yield tensor("token_embd.weight", WIDTH, vocab, scale=1)
    yield ones("output_norm.weight", WIDTH)
    for i in range(LAYERS):
        b = f"blk.{i}."
        yield ones(b + "attn_norm.weight", WIDTH)
        yield tensor(b + "attn_q.weight", WIDTH, WIDTH)
        yield tensor(b + "attn_k.weight", WIDTH, KV_HEADS * HEAD)
        yield tensor(b + "attn_v.weight", WIDTH, KV_HEADS * HEAD)
        yield tensor(b + "attn_output.weight", WIDTH, WIDTH)
        yield ones(b + "ffn_norm.weight", WIDTH)
        yield tensor(b + "ffn_gate.weight", WIDTH, INNER)
        yield tensor(b + "ffn_up.weight", WIDTH, INNER)
        yield tensor(b + "ffn_down.weight", INNER, WIDTH)


# --- an encoder: BERT ---

def encoder_pairs():
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + [f"▁w{i}" for i in range(60)]
    return [
        ("general.architecture", "string", "bert"), ("general.name", "string", "tiny"),
        ("bert.context_length", "u32", CONTEXT), ("bert.embedding_length", "u32", WIDTH),
        ("bert.block_count", "u32", LAYERS), ("bert.feed_forward_length", "u32", INNER),
        ("bert.attention.head_count", "u32", HEADS), ("bert.attention.layer_norm_epsilon", "f32", 1e-12),
        ("bert.attention.causal", "bool", False), ("bert.pooling_type", "u32", 1),
        ("tokenizer.ggml.model", "string", "bert"), ("tokenizer.ggml.tokens", "[string]", tokens),
        ("tokenizer.ggml.token_type", "[i32]", [3] * 5 + [1] * 60), ("tokenizer.ggml.token_type_count", "u32", 2),
        ("tokenizer.ggml.unknown_token_id", "u32", 1), ("tokenizer.ggml.bos_token_id", "u32", 2),
        ("tokenizer.ggml.cls_token_id", "u32", 2), ("tokenizer.ggml.seperator_token_id", "u32", 3),
        ("tokenizer.ggml.padding_token_id", "u32", 0), ("tokenizer.ggml.mask_token_id", "u32", 4),
    ]


def encoder_tensors():
    yield tensor("token_embd.weight", WIDTH, 65, scale=1)
    yield tensor("token_types.weight", WIDTH, 2)
    yield tensor("position_embd.weight", WIDTH, CONTEXT)
    yield ones("token_embd_norm.weight", WIDTH)
    yield zeros("token_embd_norm.bias", WIDTH)
    for i in range(LAYERS):
        b = f"blk.{i}."
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            yield tensor(b + name + ".weight", WIDTH, WIDTH)
            yield zeros(b + name + ".bias", WIDTH)
        for name in ("attn_output_norm", "layer_output_norm"):
            yield ones(b + name + ".weight", WIDTH)
            yield zeros(b + name + ".bias", WIDTH)
        yield tensor(b + "ffn_up.weight", WIDTH, INNER)
        yield zeros(b + "ffn_up.bias", INNER)
        yield tensor(b + "ffn_down.weight", INNER, WIDTH)
        yield zeros(b + "ffn_down.bias", WIDTH)


# --- an adapter for the generator ---

def adapter():
    pairs = [("general.architecture", "string", "llama"), ("general.type", "string", "adapter"),
             ("adapter.type", "string", "lora"), ("adapter.lora.alpha", "f32", 4.0)]
    return pairs, [tensor("blk.0.attn_q.weight.lora_a", WIDTH, 4), tensor("blk.0.attn_q.weight.lora_b", 4, WIDTH)]


def split(folder, pairs, tensors):
    """The generator again, in two files as llama.cpp names them."""
    half = len(tensors) // 2
    for k, part in enumerate((tensors[:half], tensors[half:])):
        facts = [("split.no", "u16", k), ("split.count", "u16", 2), ("split.tensors.count", "i32", len(tensors))]
        gguf.write(folder / f"tiny-0000{k + 1}-of-00002.gguf", (pairs if k == 0 else pairs[:1]) + facts, part)


def main(folder):
    for name in ("generate", "embed", "lora", "split"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    pairs, tensors = generator_pairs(), list(generator_tensors())
    gguf.write(folder / "generate" / "tiny.gguf", pairs, tensors)
    gguf.write(folder / "embed" / "tiny.gguf", encoder_pairs(), list(encoder_tensors()))
    gguf.write(folder / "lora" / "tiny.gguf", *adapter())
    split(folder / "split", pairs, tensors)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
