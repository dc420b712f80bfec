"""What differs from run to run, and what stands for it in a golden screen: all rules in one place.

A rule replaces what matches by its second part; what a group of it holds stays. Where the match begins with two blanks or
more it stands in a column that is aligned to the right, and keeps its length. The frame around a line is closed again
afterwards.
"""
import json
import re

from vt import width_of

DURATION = r"\d+(?:\.\d+)? (?:ms|s|min|h|d)(?: \d+ (?:s|min|h))?\b"
SIZE = r"\d+(?:\.\d+)? (?:kB|MB|GB|B)\b"
NAMED = r"((?:^|│ )(?:up|memory|latency) +)"  # a row of a name and a value, which is no column
RULES = [
    (re.compile(r"(\w+://127\.0\.0\.1:)\d{5}"), "PPPPP"),
    (re.compile(r"(?<=port )\d{2,}"), "PPPPP"),
    (re.compile(r"(?<=process )\d+"), "PID"),
    (re.compile(r"(?<=kill )\d+"), "PID"),
    (re.compile(r"\d\d:\d\d:\d\d\.\d{3}"), "hh:mm:ss.mmm"),
    (re.compile(NAMED + DURATION), "TIME"),
    (re.compile(NAMED + SIZE), "SIZE"),
    (re.compile(r" {2,}\d{3,7}(?= │$|$)"), "PID"),
    (re.compile(r" {2,}" + DURATION), "TIME"),
    (re.compile(DURATION), "TIME"),
    (re.compile(r" {2,}" + SIZE + r"(?! of)"), "SIZE"),
    (re.compile(SIZE), "SIZE"),
    (re.compile(r" +SIZE/s$"), ""),
    (re.compile(r"[ \d]\d %"), "NN %"),
    (re.compile(r"^[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] "), "~ "),
    (re.compile(r"(?<=loading  )[━─]+"), "BAR"),
    (re.compile(r"-?\d+\.\d{3,4}\b"), "N.N"),
]

JSON_RULES = {
    "latency_ms": 0, "uptime_s": 0, "queue_ms": 0, "compute_ms": 0, "total_ms": 0, "used_bytes": 0, "resident_bytes": 0,
    "weights": 0, "kv": 0, "cache": 0, "scratch": 0, "done_bytes": 0, "pid": 0, "outputs": "…", "since": "TIME",
    "created": 0, "cached_tokens": 0, "id": None, "request_id": "ID", "time": "TIME", "log": "LOG",
}
ANSWER_ID = re.compile(r"^(?:chatcmpl-)?[0-9a-f]{6,}-[0-9a-f]+$")


def replace(pattern, instead, text, styles):
    """Both lines with each match replaced; its first character's style is that of what stands for it."""
    new_text, new_styles, at = [], [], 0
    for match in pattern.finditer(text):
        start, end = match.span()
        shown = (match.group(1) if pattern.groups else "") + instead
        if match.group().startswith("  "):
            shown = instead.rjust(end - start) if len(instead) + 2 <= end - start else "  " + instead
        kept = len(shown) - len(instead) if pattern.groups else 0
        style = styles[end - 1:end] or " "
        new_text += [text[at:start], shown]
        new_styles += [styles[at:start], styles[start:start + kept].ljust(kept), style * (len(shown) - kept)]
        at = end
    return "".join(new_text) + text[at:], "".join(new_styles) + styles[at:]


def close_frame(text, styles, columns):
    """The right border at its place again, after what is inside has changed its length."""
    border = text[-1]
    inside = text[:-1].rstrip()
    blank = columns - width_of(inside) - 1
    style = styles[-1:]
    styles = styles[:len(inside)].ljust(len(inside)) + " " * max(blank, 0) + style
    return inside + " " * max(blank, 0) + border, styles


def screen_line(text, styles):
    columns = width_of(text)
    styles = styles.ljust(len(text))
    framed = text.startswith("│") and text.endswith("│")
    for pattern, instead in RULES:
        text, styles = replace(pattern, instead, text, styles)
    if framed:
        text, styles = close_frame(text, styles, columns)
    return text, styles.rstrip()


def plain(text):
    return "\n".join(screen_line(line, "")[0].rstrip() for line in text.split("\n"))


def json_value(key, value):
    if isinstance(value, dict):
        return {k: json_value(k, v) for k, v in value.items()}
    if isinstance(value, list) and key != "outputs":
        return [json_value(key, v) for v in value]
    if key == "id" and isinstance(value, str):
        return "ID" if ANSWER_ID.match(value) else value
    if key in JSON_RULES and value is not None:
        return JSON_RULES[key]
    return plain(value) if isinstance(value, str) else value


def lay_out(value, indent=""):
    """JSON with an object or array on one line where it fits."""
    flat = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(flat) <= 110 or not isinstance(value, (dict, list)):
        return flat
    inner = indent + "  "
    if isinstance(value, dict):
        items = [f"{inner}{json.dumps(k)}: {lay_out(v, inner)}" for k, v in value.items()]
    else:
        items = [inner + lay_out(v, inner) for v in value]
    return ("{" if isinstance(value, dict) else "[") + "\n" + ",\n".join(items) + "\n" + indent + \
        ("}" if isinstance(value, dict) else "]")


def json_text(text):
    try:
        return lay_out(json_value(None, json.loads(text)))
    except json.JSONDecodeError:
        return "not JSON:\n" + plain(text)
