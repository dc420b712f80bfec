#!/usr/bin/env python3
"""Tiny encoders with random weights, small enough to commit, and what transformers computes with them.

    tiny_models.py OUT_FOLDER [NAME…]

OUT_FOLDER is tests/data; without names everything is written. Each model folder is complete (config.json, tokenizer,
model.safetensors), and beside its files lie
    golden.jsonl        one line a row: {"ids": [...], "types": [...]?}
    golden.f32          float32, little-endian: last_hidden_state of all rows' tokens behind each other [tokens][32], then the
                        pooled vectors [rows][32]
    golden_logits.f32   of a model with a head: [rows][labels] of classify and rerank, else [tokens][labels]; of fill-mask
                        only the tokens 0, 5, 10, …
    versions.txt        what made them
  tiny-bert             sentence-transformers' layout (mean pooling, normalised), with f16/ and bf16/ of the same model, and
                        golden_gelu_new.f32, golden_relu.f32: golden.f32 with another hidden_act
  tiny-ARCH-HEAD        transformers' layout, one for each architecture and head; pooled is the mean, not normalised
  models/bert-base-uncased   tiny-bert-fill-mask once more, with exactly the names and files that bert-base-uncased has on the
                        hub: gamma and beta, a pooler and a second head that nobody asks, vocab.txt, no tokenizer.json
Read by the tests in tests/backends/native and by flow tests that need a small model. Rows go through a model one by one, in
float32. The tokenizers are a WordPiece over the vocabulary below, and a byte-level BPE trained on the sentences below.
"""
import json
import sys
from pathlib import Path

import tokenizers
import torch
import transformers
from safetensors.torch import save_file

SEED = 20260723
HIDDEN, LAYERS, HEADS, FFN, POSITIONS, VOCAB = 32, 2, 4, 72, 64, 200
LONG_VOCAB = 512

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = [chr(c) for c in range(ord("a"), ord("z") + 1)]
WORDS = (
    "the of and to in is it on as with for was by at from this that bread light river stone engine copper honey map rain clock "
    "paper green blue small old new fast slow one two three four five read write count send open close model token vector text "
    "und die der das ein ist nicht mit haus baum wasser"
).split()
MORE_WORDS = (
    "he she they we you who what when where why how are were be been has have had do does did will would can could may not no yes "
    "all some any each most more less many few other another same but or if so than then also only just very too about after before "
    "over under between through during again here there now never always often today tomorrow morning evening night day week month "
    "year time world country city town village street road house home room door window table chair book letter word name number page "
    "story question answer work play make made take took give gave find found know knew think thought see saw say said go went come "
    "came get got put run ran walk eat ate drink sleep live lived buy sell pay build built hold keep kept begin end start stop turn "
    "man woman child boy girl friend mother father brother sister family people person teacher doctor baker farmer sailor king queen "
    "dog cat horse bird fish cow bee tree flower leaf grass field forest hill mountain valley lake sea ocean island beach sky sun moon "
    "star wind snow ice fire water earth air food milk cheese apple egg salt sugar tea coffee wine gold silver iron wood glass cloth "
    "red black white yellow brown big large long short high low good bad best better great little young early late warm cold hot dry "
    "wet rich poor strong weak happy sad hard soft easy heavy full empty first second third last next left right capital france paris "
    "germany berlin london rome europe language music song game school train ship bridge station market machine computer server memory "
    "six seven eight nine ten hundred thousand"
).split()
SENTENCES = (
    "the bread is on the table and the light is green", "a small engine counts the copper stones by the river",
    "she reads the old map in the rain", "the model sends one vector for each text", "open the paper and write three words",
    "who was at the station before the clock struck five", "honey from the blue house is fast to sell",
    "das haus und der baum sind nicht im wasser", "the capital of france is paris and that of germany is berlin",
)


def vocabulary(size=VOCAB):
    out = SPECIAL + LETTERS + ["##" + c for c in LETTERS] + list("0123456789") + list(".,!?-'()") + WORDS
    out += ["##ing", "##ed", "##er", "##est", "##en", "##ly"]
    if size > VOCAB:
        out += ["##es"] + [w for w in MORE_WORDS if w not in WORDS]
        assert len(MORE_WORDS) == len(set(MORE_WORDS)), [w for w in set(MORE_WORDS) if MORE_WORDS.count(w) > 1]
    out += [f"[unused{i}]" for i in range(size - len(out))]
    assert len(out) == size == len(set(out)), len(out)
    return out


# --- files ---


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_wordpiece(folder, size=VOCAB):
    vocab = {token: i for i, token in enumerate(vocabulary(size))}
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


def byte_level_bpe():
    """RoBERTa's: <s> <pad> </s> <unk> first, <mask> last."""
    t = tokenizers.ByteLevelBPETokenizer(add_prefix_space=False, trim_offsets=True)
    t.train_from_iterator(SENTENCES, vocab_size=320, min_frequency=2, show_progress=False,
                          special_tokens=["<s>", "<pad>", "</s>", "<unk>"])
    t.add_special_tokens([tokenizers.AddedToken("<mask>", lstrip=True)])
    t._tokenizer.post_processor = tokenizers.processors.RobertaProcessing(
        ("</s>", 2), ("<s>", 0), True, False)
    return t


def write_byte_level_bpe(folder):
    t = byte_level_bpe()
    folder.joinpath("tokenizer.json").write_text(json.dumps(json.loads(t.to_str()), ensure_ascii=False) + "\n", encoding="utf-8")
    t.save_model(str(folder))  # merges.txt, and vocab.json without <mask>, which the hub's has
    folder.joinpath("vocab.json").write_text(json.dumps(t.get_vocab(), ensure_ascii=False), encoding="utf-8")
    write_json(folder / "tokenizer_config.json", {
        "tokenizer_class": "RobertaTokenizer", "add_prefix_space": False, "model_max_length": POSITIONS, "bos_token": "<s>",
        "eos_token": "</s>", "sep_token": "</s>", "cls_token": "<s>", "unk_token": "<unk>", "pad_token": "<pad>",
        "mask_token": "<mask>"})


def write_versions(folder):
    (folder / "versions.txt").write_text(
        f"made by tools/golden/tiny_models.py with python {sys.version.split()[0]}, torch {torch.__version__}, "
        f"transformers {transformers.__version__}, tokenizers {tokenizers.__version__}\n")


def write_rows(folder, rows):
    (folder / "golden.jsonl").write_text("".join(json.dumps(r, separators=(",", ":")) + "\n" for r in rows))


def save_weights(path, state):
    save_file({k: v.clone().contiguous() for k, v in state.items()}, path, metadata={"format": "pt"})
    path.chmod(0o644)


def noise(state):
    """Larger than at birth, so that attention and GELU are not almost linear."""
    out = {}
    for name, v in state.items():
        if v.is_floating_point():
            random = torch.randn_like(v)
            is_gain = name.endswith(("LayerNorm.weight", "layer_norm.weight"))
            out[name] = 1 + 0.2 * random if is_gain else 0.25 * random
    return out


def tensor_of(row):
    return {"input_ids": torch.tensor([row["ids"]])} | (
        {"token_type_ids": torch.tensor([row["types"]])} if "types" in row else {})


# --- tiny-bert ---


def plain_config(act="gelu"):
    return transformers.BertConfig(
        vocab_size=VOCAB, hidden_size=HIDDEN, num_hidden_layers=LAYERS, num_attention_heads=HEADS, intermediate_size=FFN,
        max_position_embeddings=POSITIONS, type_vocab_size=2, hidden_act=act, layer_norm_eps=1e-12, pad_token_id=0,
        attn_implementation="eager")


def plain_rows():
    g = torch.Generator().manual_seed(SEED)
    out = []
    for n in (1, 2, 3, 5, 8, 13, 14, 15, 16, 17, 29, 31, 32, 33, 47, 63, 64):
        ids = torch.randint(5, VOCAB, (n,), generator=g).tolist()
        ids[0], ids[-1] = 2, 3
        out.append({"ids": ids, "types": [1 if i >= n // 2 else 0 for i in range(n)]})
    return out


def plain_golden(model, path):
    hidden, pooled = [], []
    with torch.no_grad():
        for row in plain_rows():
            y = model(**tensor_of(row)).last_hidden_state[0]
            hidden.append(y)
            pooled.append(torch.nn.functional.normalize(y.mean(0), dim=0))
    torch.cat(hidden + [torch.stack(pooled)]).numpy().astype("<f4").tofile(path)


def write_plain_folder(folder, state, dtype):
    folder.mkdir(parents=True, exist_ok=True)
    save_weights(folder / "model.safetensors", {k: v.to(dtype) for k, v in state.items()})
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
    write_wordpiece(folder)
    write_rows(folder, plain_rows())


def write_plain(out):
    folder = out / "tiny-bert"
    torch.manual_seed(SEED)
    state = noise(transformers.BertModel(plain_config(), add_pooling_layer=False).state_dict())

    def load(state, act="gelu"):
        model = transformers.BertModel(plain_config(act), add_pooling_layer=False).eval()
        model.load_state_dict({k: v.float() for k, v in state.items()}, strict=False)
        return model

    for to, dtype in ((folder, torch.float32), (folder / "f16", torch.float16), (folder / "bf16", torch.bfloat16)):
        rounded = {k: v.to(dtype) for k, v in state.items()}
        write_plain_folder(to, rounded, dtype)
        plain_golden(load(rounded), to / "golden.f32")
    for act in ("gelu_new", "relu"):
        plain_golden(load(state, act), folder / f"golden_{act}.f32")
    write_versions(folder)


# --- tiny-ARCH-HEAD ---

TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
HEADS_OF = {  # head -> ending of transformers' class, what its configuration says besides
    "fill-mask": ("ForMaskedLM", {}),
    "classify": ("ForSequenceClassification", {"id2label": {0: "negative", 1: "neutral", 2: "positive"}}),
    "rerank": ("ForSequenceClassification", {"id2label": {0: "LABEL_0"}}),
    "tokens": ("ForTokenClassification", {"id2label": dict(enumerate(TAGS))}),
    "answer": ("ForQuestionAnswering", {}),
}


def wide_bert(**more):
    return transformers.BertConfig(
        hidden_size=HIDDEN, num_hidden_layers=LAYERS, num_attention_heads=HEADS, intermediate_size=FFN,
        max_position_embeddings=POSITIONS, type_vocab_size=2, layer_norm_eps=1e-12, pad_token_id=0, **more)


def wide_roberta(**more):
    return transformers.RobertaConfig(
        hidden_size=HIDDEN, num_hidden_layers=LAYERS, num_attention_heads=HEADS, intermediate_size=FFN,
        max_position_embeddings=POSITIONS + 2, type_vocab_size=1, layer_norm_eps=1e-5, pad_token_id=1, **more)


def wide_distilbert(**more):
    return transformers.DistilBertConfig(
        dim=HIDDEN, n_layers=LAYERS, n_heads=HEADS, hidden_dim=FFN, max_position_embeddings=POSITIONS, pad_token_id=0, **more)


ARCHS = {  # arch -> transformers' name, configuration, vocabulary without and with MORE_WORDS (of fill-mask), ids of ends
    "bert": ("Bert", wide_bert, VOCAB, LONG_VOCAB, (2, 3)),
    "roberta": ("Roberta", wide_roberta, None, None, (0, 2)),
    "distilbert": ("DistilBert", wide_distilbert, VOCAB, VOCAB, (2, 3)),
}
SHARDED = "tiny-distilbert-tokens"  # the one whose weights lie in several files
NAMES = [f"tiny-{arch}-{head}" for arch in ARCHS for head in HEADS_OF if arch == "bert" or head != "rerank"]


def head_rows(arch, vocab, ends):
    """RoBERTa has no types, and gets padding in the midst of a row, which has a position of its own."""
    g = torch.Generator().manual_seed(SEED)
    out = []
    for n in (1, 2, 3, 8, 15, 16, 17, 33, 64):
        ids = torch.randint(5, vocab, (n,), generator=g).tolist()
        ids[0], ids[-1] = ends
        if arch == "roberta" and n == 15:
            ids[6] = ids[7] = 1
        row = {"ids": ids}
        if arch == "bert":
            row["types"] = [1 if i >= n // 2 else 0 for i in range(n)]
        out.append(row)
    return out


def head_golden(folder, model, head, rows):
    hidden, pooled, logits = [], [], []
    encoder = model.base_model
    with torch.no_grad():
        for row in rows:
            y = encoder(**tensor_of(row)).last_hidden_state[0]
            hidden.append(y)
            pooled.append(y.mean(0))
            out = model(**tensor_of(row))
            logits.append(torch.stack([out.start_logits[0], out.end_logits[0]], 1) if head == "answer" else out.logits[0])
    torch.cat(hidden + [torch.stack(pooled)]).numpy().astype("<f4").tofile(folder / "golden.f32")
    all_logits = torch.stack(logits) if head in ("classify", "rerank") else torch.cat(logits)
    if head == "fill-mask":
        all_logits = all_logits[::5]
    all_logits.numpy().astype("<f4").tofile(folder / "golden_logits.f32")


def write_head(out, name):
    _, arch, head = name.split("-", 2)
    title, config_of, plain_vocab, mask_vocab, ends = ARCHS[arch]
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    ending, more = HEADS_OF[head]
    if arch == "roberta":
        vocab = byte_level_bpe().get_vocab_size()
        write_byte_level_bpe(folder)
    else:
        vocab = mask_vocab if head == "fill-mask" else plain_vocab
        write_wordpiece(folder, vocab)
    torch.manual_seed(SEED + NAMES.index(name))
    config = config_of(vocab_size=vocab, attn_implementation="eager", **more)
    model = getattr(transformers, title + ending)(config).eval()
    model.load_state_dict(noise(model.state_dict()), strict=False)
    model.tie_weights()
    for old in folder.glob("model*"):
        old.unlink()
    model.save_pretrained(folder, max_shard_size="64KB" if name == SHARDED else "1GB")
    for file in folder.glob("*.safetensors"):
        file.chmod(0o644)
    (folder / "generation_config.json").unlink(missing_ok=True)
    rows = head_rows(arch, vocab, ends)
    write_rows(folder, rows)
    head_golden(folder, model, head, rows)
    write_versions(folder)
    return model


# --- models/bert-base-uncased ---


def write_hub_twin(out):
    """bert-base-uncased's own config.json but for the sizes; names as its conversion from TensorFlow left them."""
    folder = out / "models" / "bert-base-uncased"
    folder.mkdir(parents=True, exist_ok=True)
    model = write_head(out, "tiny-bert-fill-mask")
    state = dict(model.state_dict())
    del state["cls.predictions.decoder.weight"], state["cls.predictions.decoder.bias"]
    for name in list(state):
        if "LayerNorm" in name:
            state[name.replace("weight", "gamma").replace("bias", "beta")] = state.pop(name)
    torch.manual_seed(SEED)
    state |= {"bert.pooler.dense.weight": torch.randn(HIDDEN, HIDDEN), "bert.pooler.dense.bias": torch.randn(HIDDEN),
              "cls.seq_relationship.weight": torch.randn(2, HIDDEN), "cls.seq_relationship.bias": torch.randn(2),
              "bert.embeddings.position_ids": torch.arange(POSITIONS).unsqueeze(0)}
    save_weights(folder / "model.safetensors", state)
    write_json(folder / "config.json", {
        "architectures": ["BertForMaskedLM"], "attention_probs_dropout_prob": 0.1, "gradient_checkpointing": False,
        "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "hidden_size": HIDDEN, "initializer_range": 0.02,
        "intermediate_size": FFN, "layer_norm_eps": 1e-12, "max_position_embeddings": POSITIONS, "model_type": "bert",
        "num_attention_heads": HEADS, "num_hidden_layers": LAYERS, "pad_token_id": 0, "position_embedding_type": "absolute",
        "transformers_version": "4.6.0.dev0", "type_vocab_size": 2, "use_cache": True, "vocab_size": LONG_VOCAB})
    write_json(folder / "tokenizer_config.json", {"do_lower_case": True, "model_max_length": POSITIONS})
    (folder / "vocab.txt").write_text("".join(token + "\n" for token in vocabulary(LONG_VOCAB)), encoding="utf-8")


def main(out_folder, names):
    out = Path(out_folder)
    makers = {"tiny-bert": write_plain, "models/bert-base-uncased": write_hub_twin} | {
        name: lambda out, name=name: write_head(out, name) for name in NAMES}
    for name in names or makers:
        makers[name](out)
        print(f"{name:<28}{sum(p.stat().st_size for p in (out / name).rglob('*') if p.is_file()):>9} bytes")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2:])
