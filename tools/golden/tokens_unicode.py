#!/usr/bin/env python3
"""Writes src/text/unicode_gap.c and tests/data/tokens/unicode.txt: which code points Hugging Face's tokenizers put into
which class, and where that differs from what utf8proc may say.

    python3 tools/golden/tokens_unicode.py        # from the root of the repository

Needs pip's `tokenizers` and `unicodedata2` (the newest Unicode) and libutf8proc (the oldest that we build with). Both are
asked, so that the gaps close whatever utf8proc is linked in the end. Made with tokenizers 0.23.3, unicodedata2 with
Unicode 18.0, utf8proc 2.8 (Unicode 15.0).
"""
import ctypes
import ctypes.util

import tokenizers
import unicodedata2
from tokenizers import Regex, normalizers, pre_tokenizers

CATEGORIES = ("Cn Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Cs Co").split()
CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
ASCII_PUNCT = set(map(ord, "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"))


def bert(**on):
    off = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return normalizers.BertNormalizer(**{**off, **on})


def removed_by(normalizer):
    return {c for c in CODE_POINTS if normalizer.normalize_str(chr(c)) == ""}


def changed_by(normalizer):
    return {c for c in CODE_POINTS if normalizer.normalize_str(chr(c)) != chr(c)}


def pieces_of(pre_tokenizer, count):
    return {c for c in CODE_POINTS if len(pre_tokenizer.pre_tokenize_str(f"a{chr(c)}b")) == count}


def removed_by_regex(regex):
    split = pre_tokenizers.Split(Regex(regex), "removed")
    return {c for c in CODE_POINTS if not split.pre_tokenize_str(chr(c))}


def nonstarters():
    """A code point has a class where canonical ordering moves it before or behind some mark of another class."""
    nfd, found = normalizers.NFD(), set()
    for c in CODE_POINTS:
        if unicodedata2.combining(chr(c)):
            for mark in "\u0301\u0334\u0316\u0327":
                both = ("a" + mark + chr(c), "a" + chr(c) + mark)
                if any(nfd.normalize_str(s) != s and len(nfd.normalize_str(s)) == 3 for s in both):
                    found.add(c)
    return found


def truth():
    nfd, nfkd = changed_by(normalizers.NFD()), changed_by(normalizers.NFKD())
    return {
        "SPACE": pieces_of(pre_tokenizers.WhitespaceSplit(), 2),
        "OTHER": removed_by(bert(clean_text=True)) - {0xFFFD},
        "PUNCT": pieces_of(pre_tokenizers.Punctuation(), 3),
        "MARK": removed_by(normalizers.StripAccents()),
        "NONSPACING": removed_by(bert(strip_accents=True)),
        "WORD": pieces_of(pre_tokenizers.Whitespace(), 1),
        "NUMERIC": pieces_of(pre_tokenizers.Digits(), 3),
        "HAN": changed_by(bert(handle_chinese_chars=True)),
        "UPPER": changed_by(normalizers.Lowercase()),
        "CANONICAL": nfd,
        "COMPAT": nfkd - nfd,
        "NONSTARTER": nonstarters(),
        "LETTER": removed_by_regex(r"\p{L}"),
        "NUMBER": removed_by_regex(r"\p{N}"),
    }


def by_category(category, combining, lower, decomposition):
    """The rule of src/text/unicode.c, before the gaps: flags of each code point."""
    flags = {name: set() for name in ("OTHER", "PUNCT", "MARK", "NONSPACING", "WORD", "NUMERIC", "UPPER", "CANONICAL",
                                      "COMPAT", "NONSTARTER", "LETTER", "NUMBER")}
    for c in CODE_POINTS:
        cat = category(c)
        if cat in ("Cc", "Cf", "Co") and c not in (9, 10, 13):
            flags["OTHER"].add(c)
        if cat[0] == "P" or c in ASCII_PUNCT:
            flags["PUNCT"].add(c)
        if cat[0] == "M":
            flags["MARK"].add(c)
        if cat == "Mn":
            flags["NONSPACING"].add(c)
        if cat[0] in "LM" or cat in ("Nd", "Nl", "Pc"):
            flags["WORD"].add(c)
        if cat[0] == "N":
            flags["NUMERIC"].add(c)
            flags["NUMBER"].add(c)
        if cat[0] == "L":
            flags["LETTER"].add(c)
        if combining(c):
            flags["NONSTARTER"].add(c)
        if lower(c):
            flags["UPPER"].add(c)
        kind = decomposition(c)
        if kind:
            flags[kind].add(c)
    return flags


def rule_of_newest():
    def decomposition(c):
        text = unicodedata2.decomposition(chr(c))
        if 0xAC00 <= c <= 0xD7A3:
            return "CANONICAL"
        return ("COMPAT" if text.startswith("<") else "CANONICAL") if text else None

    return by_category(lambda c: unicodedata2.category(chr(c)), lambda c: unicodedata2.combining(chr(c)),
                       lambda c: chr(c) != chr(c).lower() and len(chr(c).lower()) == 1, decomposition)


class Property(ctypes.Structure):
    _fields_ = [(n, ctypes.c_int16) for n in ("category", "combining", "bidi", "decomp_type")] + [
        (n, ctypes.c_uint16) for n in ("decomp", "fold", "upper", "lower")]


def rule_of_linked():
    lib = ctypes.CDLL(ctypes.util.find_library("utf8proc"))
    lib.utf8proc_get_property.restype = ctypes.POINTER(Property)
    lib.utf8proc_get_property.argtypes = [ctypes.c_int32]
    of = lambda c: lib.utf8proc_get_property(c).contents

    def decomposition(c):
        if 0xAC00 <= c <= 0xD7A3:
            return "CANONICAL"
        p = of(c)
        return None if p.decomp == 0xFFFF else "COMPAT" if p.decomp_type else "CANONICAL"

    return by_category(lambda c: CATEGORIES[of(c).category], lambda c: of(c).combining, lambda c: of(c).lower != 0xFFFF,
                       decomposition)


def ranges(points):
    out = []
    for c in sorted(points):
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def gaps(want, rules):
    """{code point: (flags to clear, flags to set)}, beyond ASCII."""
    out = {}
    for c in CODE_POINTS[128:]:
        clear = tuple(n for n in rules[0] if c not in want[n] and any(c in r[n] for r in rules))
        put = tuple(n for n in rules[0] if c in want[n] and any(c not in r[n] for r in rules))
        if clear or put:
            out[c] = (clear, put)
    return out


HEAD = '''#include "text/unicode_gap.h"

#include "text/unicode.h"

/* Written by tools/golden/tokens_unicode.py. */
#define OTHER TEXT_OTHER
#define PUNCT TEXT_PUNCT
#define MARK TEXT_MARK
#define NONSPACING TEXT_NONSPACING
#define WORD TEXT_WORD
#define NUMERIC TEXT_NUMERIC
#define UPPER TEXT_UPPER
#define CANONICAL TEXT_CANONICAL
#define COMPAT TEXT_COMPAT
#define NONSTARTER TEXT_NONSTARTER
#define LETTER TEXT_LETTER
#define NUMBER TEXT_NUMBER

'''


def write_c(path, found):
    rows = []
    for c in sorted(found):
        if rows and rows[-1][1] == c - 1 and rows[-1][2] == found[c]:
            rows[-1][1] = c
        else:
            rows.append([c, c, found[c]])
    blocks = [0] * 8
    for first, last, _ in rows:
        for block in range(first >> 8, min(last, 0xFFFF) + 1 >> 8 if last < 0xFFFF else 256):
            blocks[block >> 5] |= 1 << (block & 31)
        if last <= 0xFFFF:
            blocks[last >> 13] |= 1 << (last >> 8 & 31)
    with open(path, "w", encoding="utf-8") as out:
        out.write(HEAD)
        out.write("const uint32_t text_unicode_gap_blocks[8] = {" + ", ".join(f"0x{b:08X}" for b in blocks) + "};\n\n")
        out.write("const struct text_unicode_gap text_unicode_gaps[] = {\n")
        for first, last, (clear, put) in rows:
            out.write(f"{{0x{first:04X}, 0x{last:04X}, {' | '.join(clear) or '0'}, {' | '.join(put) or '0'}}},\n")
        out.write("};\n\nconst size_t text_unicode_gap_count = KIT_COUNT(text_unicode_gaps);\n")


def write_truth(path, want):
    with open(path, "w", encoding="utf-8") as out:
        out.write(f"# Code points by class, as tokenizers {tokenizers.__version__} sees them; hexadecimal ranges.\n")
        for name, points in want.items():
            text = " ".join(f"{a:X}" if a == b else f"{a:X}-{b:X}" for a, b in ranges(points))
            out.write(f"{name} {text}\n")


def main():
    want = truth()
    write_truth("tests/data/tokens/unicode.txt", want)
    write_c("src/text/unicode_gap.c", gaps(want, (rule_of_newest(), rule_of_linked())))


if __name__ == "__main__":
    main()
