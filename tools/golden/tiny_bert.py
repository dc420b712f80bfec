#!/usr/bin/env python3
"""A tiny BERT with random weights, small enough to commit, and what transformers computes with it.

    tiny_bert.py OUT_FOLDER

Written are OUT_FOLDER (float32), OUT_FOLDER/f16 and OUT_FOLDER/bf16, each a complete model folder in sentence-transformers'
layout (mean pooling, normalised), and beside each model
    golden.jsonl   one line a row: {"ids": [...], "types": [...]}
    golden.f32     float32, little-endian: last_hidden_state of all rows' tokens behind each other [tokens][32], then pooled [rows][32]
    golden_gelu_new.f32, golden_relu.f32   (float32 model only) the same with another hidden_act
Read by the tests in tests/backends/native and by flow tests that need a small model; versions.txt says what made them.
Rows go through the model one by one, in float32. The tokenizer is a WordPiece over the vocabulary below.
"""
import json
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file

SEED = 20260723
HIDDEN, LAYERS, HEADS, FFN, POSITIONS, VOCAB = 32, 2, 4, 72, 64, 200

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = [chr(c) for c in range(ord("a"), ord("z") + 1)]
WORDS = (
    "the of and to in is it on as with for was by at from this that bread light river stone engine copper honey map rain clock "
    "paper green blue small old new fast slow one two three four five read write count send open close model token vector text "
    "und die der das ein ist nicht mit haus baum wasser"
).split()


def vocabulary():
    out = SPECIAL + LETTERS + ["##" + c for c in LETTERS] + list("0123456789") + list(".,!?-'()") + WORDS
    out += ["##ing", "##ed", "##er", "##est", "##en", "##ly"]
    out += [f"[unused{i}]" for i in range(VOCAB - len(out))]
    assert len(out) == VOCAB == len(set(out)), len(out)
    return out


def config(act="gelu"):
    return transformers.BertConfig(
        vocab_size=VOCAB, hidden_size=HIDDEN, num_hidden_layers=LAYERS, num_attention_heads=HEADS, intermediate_size=FFN,
        max_position_embeddings=POSITIONS, type_vocab_size=2, hidden_act=act, layer_norm_eps=1e-12, pad_token_id=0,
        attn_implementation="eager")


def rows():
    g = torch.Generator().manual_seed(SEED)
    out = []
    for n in (1, 2, 3, 5, 8, 13, 14, 15, 16, 17, 29, 31, 32, 33, 47, 63, 64):
        ids = torch.randint(5, VOCAB, (n,), generator=g).tolist()
        ids[0], ids[-1] = 2, 3
        out.append({"ids": ids, "types": [1 if i >= n // 2 else 0 for i in range(n)]})
    return out


def golden(model, path):
    hidden, pooled = [], []
    with torch.no_grad():
        for row in rows():
            y = model(input_ids=torch.tensor([row["ids"]]), token_type_ids=torch.tensor([row["types"]])).last_hidden_state[0]
            hidden.append(y)
            pooled.append(torch.nn.functional.normalize(y.mean(0), dim=0))
    torch.cat(hidden + [torch.stack(pooled)]).numpy().astype("<f4").tofile(path)


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_tokenizer(folder):
    vocab = {token: i for i, token in enumerate(vocabulary())}
    special = [{"id": vocab[t], "content": t, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
                "special": True} for t in SPECIAL]
    piece = lambda kind, name, type_id: {kind: {"id": name, "type_id": type_id}}
    write_json(folder / "tokenizer.json", {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": special,
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None,
                       "lowercase": True},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [piece("SpecialToken", "[CLS]", 0), piece("Sequence", "A", 0), piece("SpecialToken", "[SEP]", 0)],
            "pair": [piece("SpecialToken", "[CLS]", 0), piece("Sequence", "A", 0), piece("SpecialToken", "[SEP]", 0),
                     piece("Sequence", "B", 1), piece("SpecialToken", "[SEP]", 1)],
            "special_tokens": {t: {"id": t, "ids": [vocab[t]], "tokens": [t]} for t in ("[CLS]", "[SEP]")}},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
                  "vocab": vocab}})
    write_json(folder / "tokenizer_config.json", {
        "tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": POSITIONS, "unk_token": "[UNK]",
        "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]", "pad_token": "[PAD]"})


def write_folder(folder, state, dtype):
    folder.mkdir(parents=True, exist_ok=True)
    save_file({k: v.to(dtype).contiguous() for k, v in state.items()}, folder / "model.safetensors", metadata={"format": "pt"})
    write_json(folder / "config.json", {
        "architectures": ["BertModel"], "model_type": "bert", "vocab_size": VOCAB, "hidden_size": HIDDEN,
        "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "intermediate_size": FFN, "hidden_act": "gelu",
        "max_position_embeddings": POSITIONS, "type_vocab_size": 2, "layer_norm_eps": 1e-12, "pad_token_id": 0,
        "position_embedding_type": "absolute", "torch_dtype": str(dtype).removeprefix("torch.")})
    name = "sentence_transformers.models."
    write_json(folder / "modules.json", [
        {"idx": 0, "name": "0", "path": "", "type": name + "Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": name + "Pooling"},
        {"idx": 2, "name": "2", "path": "2_Normalize", "type": name + "Normalize"}])
    (folder / "1_Pooling").mkdir(exist_ok=True)
    write_json(folder / "1_Pooling" / "config.json", {
        "word_embedding_dimension": HIDDEN, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True,
        "pooling_mode_max_tokens": False, "pooling_mode_mean_sqrt_len_tokens": False})
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": 48, "do_lower_case": False})
    write_tokenizer(folder)
    (folder / "golden.jsonl").write_text("".join(json.dumps(r, separators=(",", ":")) + "\n" for r in rows()))


def load(state, act="gelu"):
    model = transformers.BertModel(config(act), add_pooling_layer=False).eval()
    model.load_state_dict({k: v.float() for k, v in state.items()}, strict=False)
    return model


def main(out_folder):
    out = Path(out_folder)
    torch.manual_seed(SEED)
    state = transformers.BertModel(config(), add_pooling_layer=False).state_dict()
    for name, v in state.items():  # larger than at birth, so that attention and GELU are not almost linear
        if v.is_floating_point():
            noise = torch.randn_like(v)
            state[name] = 1 + 0.2 * noise if name.endswith("LayerNorm.weight") else 0.25 * noise
    state = {k: v for k, v in state.items() if v.is_floating_point()}
    for folder, dtype in ((out, torch.float32), (out / "f16", torch.float16), (out / "bf16", torch.bfloat16)):
        rounded = {k: v.to(dtype) for k, v in state.items()}
        write_folder(folder, rounded, dtype)
        golden(load(rounded), folder / "golden.f32")
    for act in ("gelu_new", "relu"):
        golden(load(state, act), out / f"golden_{act}.f32")
    (out / "versions.txt").write_text(
        f"made by tools/golden/tiny_bert.py with python {sys.version.split()[0]}, torch {torch.__version__}, "
        f"transformers {transformers.__version__}\n")
    print(sum(p.stat().st_size for p in out.rglob("*") if p.is_file()), "bytes")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
