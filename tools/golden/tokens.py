#!/usr/bin/env python3
"""Writes tests/data/tokens/{minilm,small}.jsonl: texts, and the tokens that Hugging Face's tokenizers make of them.

    python3 tools/golden/tokens.py build/models/all-MiniLM-L6-v2     # from the root of the repository

minilm.jsonl: 5,000 texts in many scripts, by the tokenizer.json of that folder. small.jsonl: tokenizers with a vocabulary of
our own, one for each normalizer, pre-tokenizer, post-processor and kind of added token, and texts for each of them.
Needs pip's `tokenizers`. Made with tokenizers 0.23.3. The texts are made here, by a generator that gives the same ones on
every machine.

A line of minilm.jsonl: t text, p pair (if any), i ids with special tokens, y how many of them have type 0 (the others have
1), o for each token that is not special how far it starts behind the end of the one before, and its bytes (in the text and
again from 0 in the pair), w the words of the tokens likewise counted on from the one before (only in every tenth line), k
ids when cut down to 128 (only where that cuts).
A line of small.jsonl: tokenizer (a tokenizer.json as a string), and cases of the same members with y a list of types, s add_special_tokens, and if there is
a limit max, how and side.
"""
import json
import sys

import tokenizers
from tokenizers import Tokenizer

OUT = "tests/data/tokens/"


class Dice:
    """A small generator of our own: the same numbers with every Python."""

    def __init__(self, seed):
        self.state = seed

    def below(self, n):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        return (self.state >> 33) % n

    def one(self, things):
        return things[self.below(len(things))]

    def some(self, things, low, high):
        return [self.one(things) for _ in range(low + self.below(high - low + 1))]


WORDS = {
    "english": """the a house garden tokenizer server runs quickly embedding vectors of models and weather is not bright
        Tuesday people remember unbelievable misunderstanding don't it's we're O'Hara e-mail state-of-the-art running
        configurations reorganized London naïve café résumé coöperate fiancée anti-virus rethinking""".split(),
    "german": """der die das Straße Häuser über müssen größer Übung Äpfel schön Donaudampfschifffahrt Rechner wärmer
        Öl fließt süß Fußgänger Gerät Wörter ẞ GROẞ weiß""".split(),
    "french": "été garçon où déjà naître cœur l'eau aujourd'hui français Noël œuvre ça français élève â ô û ÿ".split(),
    "spanish": "niño mañana ¿qué? ¡hola! corazón pingüino años señal".split(),
    "turkish": "İstanbul ışık ğ şeker Iğdır çiçek öğrenci".split(),
    "polish": "źdźbło łódź żółw gęś Łukasz świat ćma".split(),
    "czech": "žluťoučký kůň úpěl ďábelské ódy příliš".split(),
    "vietnamese": "tiếng Việt người đường phố những cà phê sữa đá ở đâu quốc ngữ".split(),
    "chinese": "天气很好 模型 服务器 今天 我们 学习 語言 繁體字 人工智能 数据 𠀀 𪚥 豈 更".split(),
    "japanese": "日本語 プログラム がぎぐげご ひらがな カタカナ 東京 です ます ﾊﾝｶｸ ゛ ゔ 々 ー 食べる".split(),
    "korean": "한국어 서버 모델 안녕하세요 각 힣 가을 날씨가 좋다 ᄒ ᅡ ᆫ".split(),
    "arabic": "السلام عليكم مرحبا كِتَاب العَرَبِيَّة لا ٣٤٥ ،؟ ﷺ".split(),
    "hebrew": "שלום עִבְרִית בַּיִת ספר".split(),
    "hindi": "नमस्ते हिन्दी मौसम अच्छा है क़िला कार्य १२३ ।".split(),
    "thai": "สวัสดี ภาษาไทย น้ำ เก้าอี้ ๑๒๓ กรุงเทพ".split(),
    "russian": "Привет мир ёлка йогурт Москва ПОЕЗД Ё й сервер модель ъ".split(),
    "ukrainian": "їжак Ґанок є і Київ".split(),
    "greek": "Ελλάδα ΣΊΣΥΦΟΣ λόγος ἀρχὴ ᾳ Ωμέγα ϐ µ Ω".split(),
    "georgian": "საქართველო Ა ენა".split(),
    "armenian": "Հայերեն և ԲԱՐԵՒ".split(),
    "ethiopic": "አማርኛ ሰላም ፡ ።".split(),
    "tamil": "தமிழ் மொழி கொ".split(),
    "bengali": "বাংলা ভাষা কো য়".split(),
    "tibetan": "བོད་སྐད ཱི ཱུ".split(),
    "emoji": "😀 👩‍👩‍👧 👍🏽 ❤️ 🇩🇪 🏳️‍🌈 ☺ ✔️ 1️⃣ 🤷‍♀️ ™ © 🫠".split(),
    "numbers": "0 7 42 3.14 1,000,000 2024-05-17 12:30 +49-30-1234 1e-9 ½ ² ₃ Ⅷ ① 50% $9.99 €5 ٣ ৪ 0x1F".split(),
    "punctuation": "... !!! ?!? --- — – … «» „“ ‚‘ (()) [[ ]] {} <> // \\ || && @# $ % ^ * ~ ` ' \" ¿ ¡ § ¶ · 、。 「」 ・".split(),
    "code": """for(i=0;i<n;i++){a[i]+=b;} std::vector<int> x==y?1:0 def f(self): return None; #include <stdio.h> a->b &x
        /* x */ // y printf("%d\\n",i); SELECT * FROM t WHERE id=7; snake_case camelCase HTTPServer2 λx.x""".split(),
    "addresses": """https://example.org/a/b?c=d&e=f#g http://localhost:8001/serve user.name+tag@example.com 192.168.0.1 ::1
        C:\\Users\\x /usr/local/bin file://x""".split(),
    "special": "[CLS] [SEP] [MASK] [UNK] [PAD] [MASK]. x[MASK]y [mask] [MASK [ MASK] [CLS][SEP] ##ing [unused1]".split(),
    "marks": ["e\u0301", "u\u0308\u0304", "a\u0316\u0301", "o\u0302\u0323", "\u0301x", "c\u0327", "A\u030a", "\u1e69",
              "s\u0323\u0307", "q\u0307\u0323", "\u0344", "n\u0303o", "i\u0307", "Z\u0351\u036b\u0343\u036aa\u0321l",
              "\u302a", "\u302ex", "\U0001d165", "\u0f71\u0f72\u0f74", "\u05b8\u05b0", "\u08e2", "\u1dfb"],
    "invisible": ["a\u200bb", "\ufeffx", "x\u00ady", "\u200e", "\u2060", "a\u00a0b", "\u3000", "a\u2028b", "\x00", "\x07",
                  "a\x1fb", "\x7f", "\x85", "a\tb", "\r\n", "\x0b", "\ufffd", "\ue000", "\U000e0041", "\u061c", "\u180e"],
    "compatibility": "ﬁn ﬂow Ａｂｃ １２３ ㎏ ㍿ ℃ № ⅓ ﷲ ˢ ª ﾊﾟ Å Ω K ẛ̣".split(),
    "rare": ["\u0378", "\ufdd0", "\U0001fbf0", "\U00010400", "\U0001d504", "\u1c90", "\ua7cb", "\u2c2f", "\U0001e900",
             "\U00011938", "\U0001f170", "\u24b6", "\U0010fffd", "\U000fffff", "\u16e0", "\u0d3b", "\u2e4f"],
}
SCRIPTS = sorted(WORDS)
LONG = ["supercalifragilistic", "antidisestablishmentarianism", "ab", "x", "ßtraße", "語", "é", "e\u0301", "0123456789"]


def make_text(dice, number):
    """One text; which kind is fixed by its number, what is in it by the dice."""
    kind = number % 10
    if kind == 0:  # everything, mixed
        words = [dice.one(WORDS[dice.one(SCRIPTS)]) for _ in range(1 + dice.below(12))]
    elif kind == 1:  # two scripts
        pair = [dice.one(SCRIPTS), dice.one(SCRIPTS)]
        words = [dice.one(WORDS[dice.one(pair)]) for _ in range(1 + dice.below(14))]
    elif kind == 2 and number % 50 == 2:  # nothing, or next to it
        return dice.one(["", " ", "\n", "\t \n", "\x00", "\u0301", "\u200b", ".", "a", "[MASK]", "  a", "a  ", "\ufffd"])
    elif kind == 3 and number % 30 == 3:  # one very long word, around the limit of 100 characters
        part = dice.one(LONG)
        return part * (1 + (60 + dice.below(90)) // len(part)) + dice.one(["", ".", " end", "[SEP]x"])
    elif kind == 4 and number % 80 == 4:  # long enough to be cut
        words = dice.some(WORDS["english"] + WORDS[dice.one(SCRIPTS)], 80, 180)
    else:
        words = dice.some(WORDS[dice.one(SCRIPTS)] + WORDS["english"][:6], 1, 16)
    glue = [" "] * 8 + ["", "", "  ", ", ", "-", "\n", ". "]
    return "".join(word + dice.one(glue) for word in words).strip(dice.one([" ", "", ""]))


def wild_char(dice):
    """A code point of any plane, with those that tokenizers treat in a way of their own more often."""
    kind = dice.below(8)
    if kind == 0:
        return dice.one("\r\n\t \u00a0\u2028\u3000\u200b\u200d\ufe0f\u0301\u0316\u0483\x00\x1b\x7f\ufffd\ufeff")
    if kind == 1:
        return dice.one(["\r\n", "  ", " \n", "\n\n", "'s", "'LL", "n't", "\U0001f468\u200d\U0001f469", "\U0001f1e9\U0001f1ea"])
    if kind < 4:
        return chr(32 + dice.below(95))
    code = dice.below([0x250, 0x3000, 0x10000, 0x110000][kind - 4])
    return chr(code) if not 0xD800 <= code <= 0xDFFF else "\ud7a3"


def make_wild(dice, number):
    """Characters that no person writes behind each other; now and then one word of thousands of letters."""
    if number % 20 == 5:
        return dice.one(["", " ", "  ", "   ", "\n ", "\u3000", "\t\t"]) + wild_char(dice) + dice.one(["", " ", "  ", "\r\n"])
    if number % 150 == 2:
        return "".join(wild_char(dice) for _ in range(3)) * (200 + dice.below(400))
    return "".join(wild_char(dice) for _ in range(dice.below(30)))


def byte_places(text):
    places = [0]
    for char in text:
        places.append(places[-1] + len(char.encode()))
    return places


def origins(encoding, text, pair):
    """For each token that is not special: bytes from the end of the one before, and its own."""
    places = [byte_places(text), byte_places(pair or "")]
    out, last, part_before = [], 0, None
    for part, (start, end) in zip(encoding.sequence_ids, encoding.offsets):
        if part is None:
            continue
        start, end = places[part][start], places[part][end]
        last = last if part == part_before else 0
        out += [start - last, end - start]
        last, part_before = end, part
    return out


def words_of(encoding):
    out, last, part_before = [], 0, None
    for part, word in zip(encoding.sequence_ids, encoding.word_ids):
        if part is None:
            continue
        last = last if part == part_before else 0
        out.append(word - last)
        last, part_before = word, part
    return out


def dump(thing):
    return json.dumps(thing, ensure_ascii=False, separators=(",", ":"))


def write_minilm(folder):
    tokenizer = Tokenizer.from_file(folder + "/tokenizer.json")
    tokenizer.no_padding()
    dice = Dice(20240517)
    with open(OUT + "minilm.jsonl", "w", encoding="utf-8") as out:
        for number in range(5000):
            text = make_text(dice, number)
            pair = make_text(dice, number + 5) if number % 12 == 7 else None
            tokenizer.no_truncation()
            encoding = tokenizer.encode(text, pair)
            row = {"t": text}
            if pair is not None:
                row["p"] = pair
            row["i"] = encoding.ids
            row["y"] = encoding.type_ids.count(0)
            row["o"] = origins(encoding, text, pair)
            if number % 10 == 0:
                row["w"] = words_of(encoding)
            if len(encoding.ids) > 128:
                tokenizer.enable_truncation(128)
                row["k"] = tokenizer.encode(text, pair).ids
            out.write(dump(row) + "\n")


PIECES = """[PAD] [UNK] [CLS] [SEP] [MASK] a b c d e f g h i j k l m n o p q r s t u v w x y z ##a ##b ##c ##d ##e ##f ##g
    ##h ##i ##j ##k ##l ##m ##n ##o ##p ##q ##r ##s ##t ##u ##v ##w ##x ##y ##z A B É é ü ß ##é ##ü ##ß 0 1 2 ##0 ##1 ##2 . , !
    ? - ' [ ] ( ) the ##ing ##ed play run ##ner straße strasse 日 本 ##本 が か 한 ᄒ ##ᅡ ##ᆫ ▁the ▁ fi ##fi и й ## ##. ##- ①
    ²""".split()
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def added(content, number, **flags):
    base = dict(id=number, content=content, single_word=False, lstrip=False, rstrip=False, normalized=False, special=False)
    return {**base, **flags}


def small(**parts):
    base = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [added(p, PIECES.index(p), special=True) for p in SPECIALS],
        "normalizer": None,
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": None,
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 20, "vocab": {p: i for i, p in enumerate(PIECES)}},
    }
    extra = parts.pop("added", [])
    base.update(parts)
    base["added_tokens"] = base["added_tokens"] + extra
    return base


def bert(clean, chinese, accents, lower):
    return {"type": "BertNormalizer", "clean_text": clean, "handle_chinese_chars": chinese, "strip_accents": accents,
            "lowercase": lower}


def sequence(kind, *steps):
    return {"type": "Sequence", kind: list(steps)}


def template():
    cls, sep = {"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"SpecialToken": {"id": "[SEP]", "type_id": 3}}
    return {"type": "TemplateProcessing", "single": [cls, {"Sequence": {"id": "A", "type_id": 2}}, sep],
            "pair": [{"Sequence": {"id": "B", "type_id": 1}}, sep, {"Sequence": {"id": "A", "type_id": 0}}, cls],
            "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]},
                               "[SEP]": {"id": "[SEP]", "ids": [3, 4], "tokens": ["[SEP]", "[MASK]"]}}}


def replace(what, content):
    return {"type": "Replace", "pattern": {"String": what}, "content": content}


def small_tokenizers():
    bert_post = {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}
    n = len(PIECES)
    yield from (small(normalizer=bert(*on), pre_tokenizer={"type": "BertPreTokenizer"}, post_processor=bert_post) for on in (
        (True, True, None, True), (True, True, None, False), (True, True, False, True), (True, True, True, False),
        (False, False, None, True), (False, True, True, False), (True, False, False, False)))
    yield from (small(normalizer={"type": kind}) for kind in ("Lowercase", "NFC", "NFD", "NFKC", "NFKD", "StripAccents"))
    yield from (small(normalizer={"type": "Strip", "strip_left": left, "strip_right": right}, pre_tokenizer=None)
                for left, right in ((True, True), (True, False), (False, True)))
    yield from (small(normalizer=step) for step in (
        replace("the", "a"), replace("e\u0301", "é"), replace(" ", "▁"), replace("a", ""), {"type": "Prepend", "prepend": "▁"},
        sequence("normalizers", {"type": "NFD"}, {"type": "StripAccents"}, sequence("normalizers", {"type": "Lowercase"})),
        sequence("normalizers"), sequence("normalizers", {"type": "NFKC"}, {"type": "Strip", "strip_left": True,
                                                                           "strip_right": True}, replace("x", "yz"))))
    yield from (small(pre_tokenizer=step) for step in (
        {"type": "BertPreTokenizer"}, {"type": "Whitespace"}, None, {"type": "Digits", "individual_digits": True},
        {"type": "Digits", "individual_digits": False},
        sequence("pretokenizers", {"type": "Whitespace"}, {"type": "Digits", "individual_digits": True})))
    yield from (small(pre_tokenizer=sequence("pretokenizers", {"type": "WhitespaceSplit"}, {"type": "Punctuation",
                                                                                            "behavior": behavior}))
                for behavior in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"))
    yield from (small(post_processor=post) for post in (template(), bert_post))
    lower = {"type": "Lowercase"}
    yield small(normalizer=lower, added=[added("The", n, normalized=True), added("FI", n + 1)])
    yield small(normalizer=lower, added=[added("run", PIECES.index("run"), single_word=True), added("a b", n, lstrip=True),
                                         added("<x>", n + 1, rstrip=True, special=True)])
    yield small(normalizer=bert(True, True, None, True), pre_tokenizer={"type": "BertPreTokenizer"}, post_processor=template(),
                added=[added("É", PIECES.index("É"), normalized=True, single_word=True),
                       added("日本", n, normalized=True, lstrip=True, rstrip=True), added("fi", PIECES.index("fi"))])
    yield small(added=[added("ab", n), added("abc", n + 1), added("b", PIECES.index("b"), single_word=True)])


def bpe_pieces(merges, more):
    """The vocabulary of a BPE model by hand: all characters, what the merges make, and more."""
    pieces = SPECIALS + [chr(c) for c in range(33, 127)] + sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()) + ["a</w>", "b</w>", "##a", "##b", "##c"]
    for first, second in merges:
        pieces.append(first + second.removeprefix("##"))
    return list(dict.fromkeys(pieces + more))


BPE_MERGES = [("a", "b"), ("b", "c"), ("ab", "c"), ("a", "bc"), ("t", "h"), ("th", "e"), ("Ġ", "the"), ("a", "a"), ("aa", "aa"),
              ("Ġ", "a"), ("r", "u"), ("n", "n"), ("ru", "nn"), ("runn", "er"), ("e", "r"), ("Ã", "©")]


def bpe(merges=BPE_MERGES, more=(), texts=False, **model):
    pieces = bpe_pieces(merges, list(more))
    base = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None,
            "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
            "vocab": {p: i for i, p in enumerate(pieces)}, "merges": [" ".join(m) if texts else list(m) for m in merges]}
    return {**base, **model}


def byte_level(**flags):
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True, **flags}


def small_bpes():
    plain = dict(decoder=byte_level(), pre_tokenizer=byte_level())
    roberta = {"type": "RobertaProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2], "trim_offsets": True, "add_prefix_space": False}
    yield small(model=bpe(), **plain, post_processor=roberta, added=[added("<m>", 900, lstrip=True, special=True)])
    yield small(model=bpe(texts=True), **plain, post_processor={**roberta, "trim_offsets": False})
    for prefix in (False, True):
        yield small(model=bpe(), decoder=sequence("decoders", byte_level()), pre_tokenizer=byte_level(add_prefix_space=prefix),
                    post_processor={**roberta, "add_prefix_space": True}, added=[added("<m>", 900, rstrip=True)])
    yield small(model=bpe(), decoder=byte_level(), pre_tokenizer=byte_level(add_prefix_space=True, use_regex=False),
                post_processor=sequence("processors", byte_level(), template()))
    yield small(model=bpe(), decoder=byte_level(), post_processor=byte_level(trim_offsets=False), pre_tokenizer=sequence(
        "pretokenizers", {"type": "Digits", "individual_digits": True}, byte_level(add_prefix_space=True)))
    yield small(model=bpe(), decoder=byte_level(), post_processor=byte_level(), normalizer={"type": "NFC"},
                pre_tokenizer=sequence("pretokenizers", {"type": "WhitespaceSplit"}, byte_level(add_prefix_space=True),
                                       {"type": "Punctuation", "behavior": "Isolated"}))
    for fuse in (False, True):
        yield small(model=bpe(unk_token="[UNK]", fuse_unk=fuse), decoder=None)
    yield small(model=bpe(unk_token="[UNK]", end_of_word_suffix="</w>", merges=[("a", "b"), ("a", "b</w>"), ("ab", "c")],
                          more=["c</w>", "ab</w>"]), decoder=None)
    yield small(model=bpe(unk_token="[UNK]", continuing_subword_prefix="##", merges=[("a", "##b"), ("ab", "##c")]), decoder=None)
    all_bytes = [f"<0x{b:02X}>" for b in range(256)]
    yield small(model=bpe(byte_fallback=True, more=all_bytes), decoder=None, pre_tokenizer=None)
    yield small(model=bpe(byte_fallback=True, unk_token="[UNK]", merges=BPE_MERGES[:4] + [("<0xE6>", "<0x97>")], more=all_bytes,
                          texts=True), decoder=None)
    yield small(model=bpe(ignore_merges=True, more=["Ġplayed", "abcd", "er"]), **plain)


SMALL_TEXTS = [
    "", " ", "the runner played", "The Runner, playing!", "  the  straße é e\u0301 É ", "日本が か\u3099 한 \u1112\u1161\u11ab",
    "a.b--c?! 'x' (0)", "10 2a 1½ ①② ² 0 1 2", "abc ab abcd b bb a b", "[MASK] x[MASK]y [CLS]", "ﬁ ﬁne fi FI Ｆｉ",
    "\u0301a \u0316\u0301 q\u0307\u0323e", "a\x00b\u200bc\ufffd\td", "ab" * 11, "ab" * 10, "<x>  run running run.", "İ ẞ ﬃ ﷺ",
    "日本 É É. été", "x" * 3 + " the the the a b c d e f g", "й и\u0306 и", "\u00a0the\u3000a\u2028b\u0085c",
]


def cases_for(dice, tokenizer, number):
    for at, text in enumerate(SMALL_TEXTS):
        pair = dice.one(SMALL_TEXTS) if (at + number) % 3 == 0 else None
        special = dice.below(4) != 0
        row = {"t": text, "s": special}
        if pair is not None:
            row["p"] = pair
        tokenizer.no_truncation()
        if dice.below(3) == 0:
            row["max"], row["how"], row["side"] = 3 + dice.below(9), dice.one([1, 1, 1, 2, 3]), 1 + dice.below(2)
            tokenizer.enable_truncation(row["max"], strategy=["longest_first", "only_first", "only_second"][row["how"] - 1],
                                        direction=["right", "left"][row["side"] - 1])
        if special and row.get("max", 99) < tokenizer.num_special_tokens_to_add(pair is not None):
            continue  # refused by us, and not cut at all by the library
        try:
            encoding = tokenizer.encode(text, pair, add_special_tokens=special)
        except BaseException as problem:  # the library's own panics have no better base
            if "trunc" not in str(problem).lower():
                continue
            row["error"] = True
            yield row
            continue
        row.update(i=encoding.ids, y=encoding.type_ids, o=origins(encoding, text, pair), w=words_of(encoding))
        row["d"] = tokenizer.decode(encoding.ids, skip_special_tokens=special)
        yield row


def write_small():
    dice = Dice(7)
    with open(OUT + "small.jsonl", "w", encoding="utf-8") as out:
        for number, parts in enumerate([*small_tokenizers(), *small_bpes()]):
            tokenizer = Tokenizer.from_str(json.dumps(parts))
            out.write(dump({"tokenizer": dump(parts), "cases": list(cases_for(dice, tokenizer, number))}) + "\n")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print("tokenizers", tokenizers.__version__)
    write_minilm(sys.argv[1])
    write_small()


if __name__ == "__main__":
    main()
