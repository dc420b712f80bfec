#!/usr/bin/env python3
"""Golden embeddings: 200 texts of our own, their token ids and vectors by sentence-transformers.

    embed.py MODEL_FOLDER OUT_FOLDER

MODEL_FOLDER holds all-MiniLM-L6-v2. Written are
    texts.jsonl   one line a text: {"text": ..., "ids": [...]}; the ids are what the model saw, special tokens and cut included
    minilm.f32    the vectors, float32, little-endian, [texts][384], in the same order
    versions.txt  what made them
Read by tests/backends/native/test_golden.c.
The texts come from a generator with a fixed seed; nothing in them is anyone else's.
"""
import json
import random
import sys
from pathlib import Path

ENGLISH = {
    "who": "the baker|a young engineer|my neighbour|the night shift|an old sailor|her editor|the committee|a tired parser",
    "does": "repairs|counts|forgets|paints|measures|sends back|translates|hides",
    "what": "the blue lantern|three copper pipes|every second letter|a broken clock|the harbour map|seventeen jars of honey|"
            "the quarterly figures|a very small engine",
    "where": "before breakfast|near the station|in heavy rain|without asking|for the third time|behind the library|on a Tuesday",
}
GERMAN = {
    "who": "die Bäckerin|ein junger Müller|unsere Nachbarin|der Nachtwächter|das Gremium|ein müder Übersetzer",
    "does": "prüft|zählt|vergisst|streicht|verschickt|überholt|löscht",
    "what": "die grüne Laterne|drei Kupferrohre|jede zweite Straße|eine kaputte Uhr|die Donaudampfschifffahrtskarte|fünf Gläser Honig",
    "where": "vor dem Frühstück|am Bahnhof|bei strömendem Regen|ohne zu fragen|hinter der Bücherei",
}
CHINESE = {
    "who": "面包师|年轻的工程师|我的邻居|老水手|编辑",
    "does": "修理|数一数|忘记|画|测量",
    "what": "蓝色的灯笼|三根铜管|坏了的钟|港口地图|七罐蜂蜜",
    "where": "在早饭前|在车站旁边|在大雨中|第三次|在图书馆后面",
}
EMOJI = "😀 🚂 🍞 👩‍🔬 🇩🇪 ❤️ 🧭 🐝 ☔ 🏳️‍🌈".split()
ODD = [
    "", " ", "a", "Z", "9", ".", "ß", "é", "我", "😀", "\t\n", "...", "a b", "A-b_c/d\\e", "naïve café Ångström", "ﬁne ligature",
    "e\u0301 combining", "[CLS] [SEP] [MASK] [PAD] [UNK]", "##ing ##s", "x" * 120, "12345678901234567890", "3.14159e-10",
    "user@example.org", "https://example.org/a?b=c&d=%20#e", "\u200bzero\u200bwidth", "مرحبا", "こんにちは世界", "안녕", "Привет, мир",
    "Hello\u0000there", "tab\tand\nnewline", "UPPER lower MiXeD", "don't can't won't", "C++ & C# != C", "{\"json\": [1, 2.5, null]}",
    "\ufeffmark", "\u00a0nbsp\u00a0", "½ ⅓ ²", "€100 or £80 or ¥9,000", "— dash – dash - dash",
]


def sentence(words, rng, join=" ", end="."):
    part = [rng.choice(words[k].split("|")) for k in ("who", "does", "what", "where")]
    text = join.join(part)
    return text[0].upper() + text[1:] + end


def paragraph(rng, count):
    """About `count` English words."""
    out = []
    while sum(len(s.split()) for s in out) < count:
        out.append(sentence(ENGLISH, rng))
    return " ".join(" ".join(out).split()[:count])


def texts():
    rng = random.Random(20260723)
    out = list(ODD)
    out += [sentence(ENGLISH, rng) for _ in range(50)]
    out += [sentence(GERMAN, rng) for _ in range(30)]
    out += [sentence(CHINESE, rng, "", "。") for _ in range(20)]
    out += [sentence(ENGLISH, rng, end=" " + rng.choice(EMOJI)) for _ in range(15)]
    out += [sentence(rng.choice((ENGLISH, GERMAN)), rng) + " " + sentence(CHINESE, rng, "", "。") for _ in range(10)]
    out += [paragraph(rng, n) for n in (20, 30, 40, 50, 60, 80, 100, 120, 150, 180, 200, 220, 240, 250, 254, 255, 256, 257, 300, 600)]
    while len(out) < 200:
        out.append(paragraph(rng, rng.randint(5, 45)))
    return out


def main(model_folder, out_folder):
    import numpy
    import sentence_transformers
    import tokenizers
    import torch
    import transformers

    model = sentence_transformers.SentenceTransformer(model_folder, device="cpu")
    all_texts = texts()
    out = Path(out_folder)
    out.mkdir(parents=True, exist_ok=True)
    vectors = []
    with (out / "texts.jsonl").open("w", encoding="utf-8") as lines:
        for text in all_texts:
            ids = model.tokenizer(text, truncation=True, max_length=model.max_seq_length)["input_ids"]
            lines.write(json.dumps({"text": text, "ids": ids}, ensure_ascii=False, separators=(",", ":")) + "\n")
            vectors.append(model.encode([text], convert_to_numpy=True)[0])
    numpy.asarray(vectors, dtype="<f4").tofile(out / "minilm.f32")
    (out / "versions.txt").write_text(
        "made by tools/golden/embed.py with "
        f"python {sys.version.split()[0]}, sentence-transformers {sentence_transformers.__version__}, "
        f"transformers {transformers.__version__}, tokenizers {tokenizers.__version__}, torch {torch.__version__}\n"
    )
    print(f"{len(all_texts)} texts, {sum(p.stat().st_size for p in out.iterdir())} bytes")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
