#!/usr/bin/env python3
"""Writes tests/data/tokens/<name>/: tokenizers as model folders hold them, and the tokens that Hugging Face's libraries make
with them.

    python3 tools/golden/tokens_folders.py [NAME…] [--lines 1000]     # from the root of the repository

Each folder gets the tokenizer's files, whose vocabulary is trained here on the texts of tokens.py, and
    cases.jsonl     texts and their tokens: the members of minilm.jsonl's lines, and in every fourth d the ids decoded
    pieces.json     for every id what decode([id]) gives
Read by tests/unit/text/test_golden.c. Needs pip's `tokenizers` and `transformers`. Made with tokenizers 0.23.3 and
transformers 5.23.0.
"""
import argparse
import json
import pathlib
import shutil

import tokenizers
import transformers
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import tokens
from tokens import Dice, dump, make_text, make_wild, origins, words_of

OUT = pathlib.Path("tests/data/tokens")
BERT_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def corpus():
    dice = Dice(99)
    return [make_text(dice, number) for number in range(8000)]


def write_json(path, thing):
    path.write_text(json.dumps(thing, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def token(content, **flags):
    return {"content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, **flags}


# --- vocab.txt ---


def wordpieces(lower, size):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lower)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(corpus(), trainers.WordPieceTrainer(
        vocab_size=size, special_tokens=BERT_SPECIAL, limit_alphabet=400, show_progress=False))
    vocab = tokenizer.get_vocab()
    return sorted(vocab, key=vocab.get)


def bert_plain(folder):
    """Nothing but the vocabulary, as BERT was released; with a piece twice, and white space behind some."""
    pieces = wordpieces(True, 900)
    lines = pieces + ["the", pieces[40], "last"]
    lines = [line + (" " if i % 7 == 3 else "") for i, line in enumerate(lines)]
    (folder / "vocab.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return transformers.BertTokenizerFast.from_pretrained(folder)


def bert_settings(folder):
    """All that the files beside the vocabulary can say, in the form that transformers 4 wrote before 4.34."""
    (folder / "vocab.txt").write_text("\r\n".join(wordpieces(False, 900)), encoding="utf-8")
    write_json(folder / "tokenizer_config.json", {
        "tokenizer_class": "BertTokenizer", "do_lower_case": False, "strip_accents": True, "tokenize_chinese_chars": False,
        "model_max_length": 48, "truncation_side": "left", "unk_token": "[UNK]", "cls_token": "[CLS]",
        "additional_special_tokens": ["[unused1]", {"__type": "AddedToken", **token("<tool>", rstrip=True)}]})
    write_json(folder / "special_tokens_map.json", {
        "mask_token": token("[MASK]", lstrip=True), "sep_token": token("[end]"), "pad_token": "[PAD]"})
    write_json(folder / "added_tokens.json", {"OHara": 902, "[end]": 900, "snake_case": 901})
    return transformers.AutoTokenizer.from_pretrained(folder)


def distilbert_ids(folder):
    """Added tokens with their ids in tokenizer_config.json, as newer versions write them."""
    pieces = wordpieces(True, 700)
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    added = {str(pieces.index(p)): {**token(p), "special": True} for p in BERT_SPECIAL}
    added["701"] = {**token("Straße", normalized=True, single_word=True), "special": False}
    added["700"] = {**token("<ent>", lstrip=True), "special": True}
    write_json(folder / "tokenizer_config.json", {
        "tokenizer_class": "DistilBertTokenizer", "do_lower_case": True, "model_max_length": 1000000000000000019884624838656,
        "mask_token": "[MASK]", "added_tokens_decoder": added})
    write_json(folder / "special_tokens_map.json", {"mask_token": "not read"})
    return transformers.AutoTokenizer.from_pretrained(folder)


# --- byte-level BPE ---

ROBERTA_SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]


def bytelevel(size, special):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(corpus(), trainers.BpeTrainer(
        vocab_size=size, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False))
    return tokenizer


def roberta(folder):
    """A tokenizer.json as transformers saves one for RoBERTa: merges as pairs, <mask> behind all and with lstrip."""
    tokenizer = bytelevel(1500, ROBERTA_SPECIAL)
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True, normalized=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), True, False)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "RobertaTokenizer", "mask_token": "<mask>"})
    return wrapped(folder)


def roberta_files(folder):
    """vocab.json and merges.txt, as RoBERTa was released, with the settings that transformers 4 wrote beside them."""
    bytelevel(1200, ROBERTA_SPECIAL).model.save(str(folder))
    vocab = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    vocab["<mask>"] = len(vocab)
    (folder / "vocab.json").write_text(dump(vocab), encoding="utf-8")
    write_json(folder / "tokenizer_config.json", {
        "add_prefix_space": True, "model_max_length": 64, "trim_offsets": True, "tokenizer_class": "RobertaTokenizer"})
    write_json(folder / "special_tokens_map.json", {
        "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "sep_token": "</s>", "pad_token": "<pad>",
        "cls_token": "<s>", "mask_token": token("<mask>", lstrip=True)})
    return transformers.AutoTokenizer.from_pretrained(folder)


def gpt2(folder):
    """A tokenizer.json as older versions saved it: merges as strings, a space put first, no special tokens around."""
    tokenizer = bytelevel(900, ["<|endoftext|>"])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    tokenizer.add_tokens([AddedToken("O'Hara", single_word=True), AddedToken(" x y", rstrip=True), AddedToken("Größe")])
    parts = json.loads(tokenizer.to_str())
    parts["model"]["merges"] = [" ".join(pair) for pair in parts["model"]["merges"]]
    del parts["model"]["ignore_merges"], parts["model"]["byte_fallback"], parts["pre_tokenizer"]["use_regex"]
    (folder / "tokenizer.json").write_text(dump(parts), encoding="utf-8")
    return wrapped(folder)


# --- what all have in common ---


def wrapped(folder):
    """tokenizer.json as it is: transformers' own classes would build another one from parts of it."""
    return transformers.PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_file(str(folder / "tokenizer.json")))


def case(tokenizer, backend, text, pair, number, limit):
    backend.no_truncation()
    encoding = backend.encode(text, pair)
    row = {"t": text}
    if pair is not None:
        row["p"] = pair
    row.update(i=encoding.ids, y=encoding.type_ids.count(0), o=origins(encoding, text, pair))
    if number % 8 == 0:
        row["w"] = words_of(encoding)
    if number % 4 == 0:
        row["d"] = tokenizer.decode(encoding.ids, clean_up_tokenization_spaces=False)
    if len(encoding.ids) > limit:
        backend.enable_truncation(limit, direction=tokenizer.truncation_side)
        row["k"] = backend.encode(text, pair).ids
    return row


def write_cases(folder, tokenizer, lines):
    dice = Dice(len(folder.name))
    backend = tokenizer.backend_tokenizer
    limit = min(tokenizer.model_max_length, 128)
    with open(folder / "cases.jsonl", "w", encoding="utf-8") as out:
        for number in range(lines):
            make = make_wild if number % 3 == 2 else make_text
            text = make(dice, number)
            pair = make(dice, number + 5) if number % 12 == 7 else None
            out.write(dump(case(tokenizer, backend, text, pair, number, limit)) + "\n")
    size = max(tokenizer.get_vocab().values()) + 1
    pieces = [tokenizer.decode([i], clean_up_tokenization_spaces=False) for i in range(size)]
    (folder / "pieces.json").write_text(dump(pieces) + "\n", encoding="utf-8")


KINDS = {"bert-plain": bert_plain, "bert-settings": bert_settings, "distilbert-ids": distilbert_ids, "roberta": roberta,
         "roberta-files": roberta_files, "gpt2": gpt2}


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("name", nargs="*", choices=[[], *KINDS])
    options.add_argument("--lines", type=int, default=1000)
    args = options.parse_args()
    print("tokenizers", tokenizers.__version__, "transformers", transformers.__version__)
    for name in args.name or KINDS:
        folder = OUT / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        write_cases(folder, KINDS[name](folder), args.lines)


if __name__ == "__main__":
    main()
