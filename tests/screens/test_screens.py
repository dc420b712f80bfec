#!/usr/bin/env python3
"""Golden screens of heimnetz: what people see of each command, in each state of the world.

    test_screens.py BUILD [--update] [NAME…]     BUILD: build/release

Every command runs in a pseudo-terminal of 80 and of 140 columns, with and without colours, in a pipe and with --json.
golden/<state>/<name>.txt holds what must come: below a line with styles stand their letters (b bold, d dim, r red,
g green, y yellow, c cyan). What differs from run to run is masked (mask.py). --update writes the files anew: look at the
difference before you commit it.
"""
import concurrent.futures
import os
import pathlib
import re
import sys

import mask
from stage import ClosedPort, Failed, Fake, Stage, http
from vt import width_of

GOLDEN = pathlib.Path(__file__).resolve().parent / "golden"
WIDTHS = (80, 140)

OVERVIEW = {
    "heimnetz": [],
    "status": ["status"],
    "system-health": ["system", "health"],
    "system-services": ["system", "services"],
    "aethercore-info": ["aethercore", "info"],
    "aethercore-models": ["aethercore", "models"],
    "aethercore-health": ["aethercore", "health"],
}
GOOD = {
    **OVERVIEW,
    "aethercore-load": ["aethercore", "load", "bert-base-uncased"],
    "aethercore-serve": ["aethercore", "serve", "bert-base-uncased", "--text", "Hello world"],
    "serve-texts": ["aethercore", "serve", "bert-base-uncased", "日本語 🚀", "a text that is far too long for one line"],
    "serve-classify": ["aethercore", "serve", "tiny-bert-classify", "I like it", "this is bad"],
    "serve-pair": ["aethercore", "serve", "tiny-bert-classify", "--text", "one", "--pair", "other"],
    "serve-tokens": ["aethercore", "serve", "tiny-bert-tokens", "the king of france"],
    "serve-mask": ["aethercore", "serve", "tiny-bert-fill-mask", "the [MASK] is here", "--top-k", "3"],
    "serve-answer": ["aethercore", "serve", "tiny-bert-answer", "--question", "who is here", "--context",
                     "the king of france is here and the queen is not"],
    "serve-rerank": ["aethercore", "serve", "tiny-bert-rerank", "--query", "a cat", "the cat sits", "a dog"],
    "serve-similarity": ["aethercore", "serve", "bert-base-uncased", "--task", "similarity", "--query", "a cat",
                         "the cat sits", "a dog"],
    "help": ["help"],
    "help-serve": ["help", "aethercore", "serve"],
    "version": ["version"],
}
NOTHING = {**OVERVIEW, "chat": ["chat", "org/parrot"], "bench": ["bench", "org/parrot"], "aethercore-load": GOOD["aethercore-load"], "aethercore-serve": GOOD["aethercore-serve"]}
UNKNOWN = {
    "chat": ["chat", "bert-base-uncase"],
    "run": ["run", "bert-base-uncase"],
    "bench": ["bench", "bert-base-uncase"],
    "chat-encoder": ["chat", "bert-base-uncased"],
    "aethercore-load": ["aethercore", "load", "bert-base-uncase"],
    "aethercore-unload": ["aethercore", "unload", "gpt-5"],
    "aethercore-serve": ["aethercore", "serve", "gpt-5", "--text", "Hello world"],
    "command": ["staus"],
    "option": ["status", "--jason"],
    "group": ["aethercore"],
    "group-command": ["aethercore", "modles"],
    "help": ["help", "system", "heath"],
    "argument": ["aethercore", "load"],
}
FAILED = {"status": OVERVIEW["status"], "aethercore-models": OVERVIEW["aethercore-models"],
          "system-health": OVERVIEW["system-health"], "aethercore-load": ["aethercore", "load", "broken"]}
LOADING = {**OVERVIEW, "aethercore-load": ["aethercore", "load", "slow"],
           "aethercore-serve": ["aethercore", "serve", "slow", "--text", "Hello world"]}


TEXTS = {
    "chat": ["chat", "org/parrot"],
    "chat-plain": ["chat", "plain"],
    "run": ["run", "org/parrot"],
    "serve": ["aethercore", "serve", "org/parrot", "the king of france\nis here"],
    "help-chat": ["help", "chat"],
    "help-bench": ["help", "bench"],
}
SERVICES = {name: OVERVIEW[name] for name in ("status", "system-health", "system-services")}


def redis(heard):
    info = "redis_version:7.0.15\r\n"
    return {b"*2\r\n": b"+OK\r\n", b"PING": b"+PONG\r\n", b"INFO": f"${len(info)}\r\n{info}\r\n".encode()}.get(heard[:4], b"-ERR\r\n")


class World:
    """The servers behind the screens, and the environment that leads to each."""

    def __init__(self, stage, closed_url):
        self.stage = stage
        good = stage.up("good", stage.models("good", "bert-base-uncased", "tiny-bert-classify", "tiny-bert-tokens",
                                             "tiny-bert-fill-mask", "tiny-bert-answer", "tiny-bert-rerank"))
        for id in ("bert-base-uncased", "tiny-bert-classify", "tiny-bert-tokens", "tiny-bert-fill-mask",
                   "tiny-bert-answer", "tiny-bert-rerank"):
            self.must("aethercore", "load", id, state=good)
        loading = stage.up("loading", stage.models("loading", slow={"load_ms": 600000}))
        self.must("aethercore", "load", "slow", "--no-wait", state=loading)
        texts = stage.up("texts", stage.models("texts", "org/parrot", plain={"generate": 1, "plain": 1}))
        for id in ("org/parrot", "plain"):
            self.must("aethercore", "load", id, state=texts)
        said = ["the king of france", "/system be kind", "one\\", "two", "/clear", "/kelp", "/help", "/exit"]
        self.states = {
            "good": (GOOD, {"state": good}),
            "nothing": (NOTHING, {"AETHERCORE_URL": closed_url}),
            "unknown": (UNKNOWN, {"state": good}),
            "loading": (LOADING, {"state": loading}),
            "failed": (FAILED, {"state": self.failed()}),
            "texts": (TEXTS, {"state": texts, "typed": said, "input": "the king\tof france\nis here\n"}),
            "services": (SERVICES, {"state": good, **self.services(closed_url)}),
        }

    def services(self, closed_url):
        """A deployment of which one is down and one fails."""
        fakes = {name: Fake(answer) for name, answer in (
            ("redis", redis), ("postgres", lambda heard: b"N"), ("prometheus", http('{"data":{"version":"2.42.0"}}')),
            ("nginx", http("", "502 Bad Gateway")))}
        self.fakes = list(fakes.values())
        return {"REDIS_URL": f"redis://:secret@{fakes['redis'].address}/0",
                "DATABASE_URL": f"postgresql://heimnetz:secret@{fakes['postgres'].address}/heimnetz",
                "PROMETHEUS_URL": f"http://{fakes['prometheus'].address}",
                "NGINX_URL": f"http://{fakes['nginx'].address}", "GRAFANA_URL": closed_url}

    def failed(self):
        models = self.stage.models("failed", broken={})
        (models / "broken" / "echo.json").write_text('{"load_ms": "soon"}')
        state = self.stage.up("failed", models)
        self.stage.run("aethercore", "load", "broken", state=state)
        return state

    def must(self, *args, **more):
        done = self.stage.run(*args, **more)
        if done.code != 0:
            raise Failed(f"heimnetz {' '.join(args)}: {done.out}{done.err}")


# --- one golden file ---

def masked(lines):
    for text, styles in lines:
        text, styles = mask.screen_line(text, styles)
        yield text
        if styles:
            yield "~" + styles[1:] if styles[0] == " " else styles


def check_frames(name, screen):
    """Every line of a frame is as wide as the others of it, and none was wrapped by the terminal."""
    if screen.wrapped:
        raise Failed(f"{name}: a line is wider than the terminal")
    if screen.row != len(screen.lines()) and not is_bar(screen):
        raise Failed(f"{name}: blank lines at the end, or no end of the last line")
    wide = None
    for text, _ in screen.lines():
        if text[:1] in "╭│╰" and text:
            if text[0] != "╭" and width_of(text) != wide or text[-1] not in "╮│╯" or width_of(text) > screen.width:
                raise Failed(f"{name}: the frame is not closed: {text!r}")
            wide = width_of(text)


def is_bar(screen):
    """The whole of it: figures come last."""
    return any(re.search(r"loading .* of [\d.]+ \w?B", text) for text, _ in screen.lines())


def terminal_sections(world, name, args, reach):
    until = is_bar if name in ("aethercore-load", "aethercore-serve") and "slow" in args else None
    for columns in WIDTHS:
        shown = world.stage.show(*args, columns=columns, until=until, **at_terminal(reach))
        bare = world.stage.show(*args, columns=columns, until=until, NO_COLOR="1", **at_terminal(reach))
        for seen in (shown, bare):
            check_frames(name, seen.screen)
        if bare.screen.styled:
            raise Failed(f"{name}: styles in spite of NO_COLOR")
        yield f"== {columns} columns: exit {shown.code}"
        yield from masked(shown.screen.lines())
        same = [mask.screen_line(t, "")[0] for t, _ in bare.screen.lines()] == \
               [mask.screen_line(t, "")[0] for t, _ in shown.screen.lines()]
        if not same:
            yield f"== {columns} columns, NO_COLOR: exit {bare.code}"
            yield from masked((text, "") for text, _ in bare.screen.lines())


def at_terminal(reach):
    return {key: value for key, value in reach.items() if key != "input"}


def in_pipe(reach):
    return {key: value for key, value in reach.items() if key != "typed"}


def piped_section(title, done, lay_out):
    yield f"== {title}: exit {done.code}"
    if done.out:
        yield lay_out(done.out.rstrip("\n"))
    if done.err:
        yield "-- standard error"
        yield mask.plain(done.err.rstrip("\n"))


def piped_sections(world, args, reach):
    if "slow" in args:
        return  # it would wait for the load
    yield from piped_section("pipe", world.stage.run(*args, **in_pipe(reach)), mask.plain)
    yield from piped_section("--json", world.stage.run(*args, "--json", **in_pipe(reach)), mask.json_text)


def render(world, name, args, reach):
    command = " ".join(f'"{a}"' if " " in a else a for a in ["heimnetz", *args])
    lines = [f"$ {command}", *terminal_sections(world, name, args, reach), *piped_sections(world, args, reach)]
    return "\n".join(line.rstrip() for line in "\n".join(lines).split("\n")) + "\n"


def difference(wanted, got):
    for number, (a, b) in enumerate(zip(wanted.split("\n") + [""], got.split("\n") + [""]), 1):
        if a != b:
            return f"line {number}:\n  wanted {a}\n  got    {b}"
    return "the lengths differ"


def judge(world, state, name, args, reach, update):
    """None, or what is wrong."""
    path = GOLDEN / state / f"{name}.txt"
    try:
        got = render(world, name, args, reach)
    except Failed as e:
        return str(e)
    if update:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(got)
        return None
    wanted = path.read_text() if path.exists() else ""
    return None if got == wanted else f"{path.relative_to(GOLDEN.parent)}: {difference(wanted, got)}"


# --- every terminal ---

WIDE = {**OVERVIEW, "texts": GOOD["serve-texts"], "tokens": GOOD["serve-tokens"], "answer": GOOD["serve-answer"],
        "help": GOOD["help"], "help-serve": GOOD["help-serve"]}
TERMINALS = {
    "narrow": [({}, columns) for columns in (20, 21, 30, 39, 40, 41, 60)],
    "wide": [({}, columns) for columns in (100, 200)],
    "ascii": [({"LANG": "C"}, 80)],
    "dumb": [({"TERM": "dumb"}, 80), ({"TERM": None}, 80)],
}


def judge_terminal(world, kind):
    """No command draws beyond any width; nothing but ASCII where nothing else can be shown, no escape on a dumb one."""
    reach = world.states["good"][1]
    for more, columns in TERMINALS[kind]:
        for name, args in WIDE.items():
            shown = world.stage.show(*args, columns=columns, **reach, **more)
            check_frames(f"{name} at {columns} columns", shown.screen)
            text = "".join(line for line, _ in shown.screen.lines())
            if kind == "ascii" and not text.isascii():
                raise Failed(f"{name}: more than ASCII: {text!r}")
            if kind == "dumb" and (shown.screen.styled or shown.screen.escaped):
                raise Failed(f"{name}: escapes on a dumb terminal")


def judge_terminals(world, kind):
    try:
        judge_terminal(world, kind)
    except Failed as e:
        return str(e)
    return None


def chosen(states, names):
    for state, (screens, reach) in states.items():
        for name, args in screens.items():
            if not names or f"{state}/{name}" in names or state in names:
                yield state, name, args, reach


def main(args):
    update = "--update" in args
    args = [a for a in args if a != "--update"]
    if not args:
        sys.exit(__doc__)
    stage = Stage(args[0])
    wrong = []
    try:
        with ClosedPort() as closed_url:
            world = World(stage, closed_url)
            jobs = list(chosen(world.states, args[1:]))
            with concurrent.futures.ThreadPoolExecutor(2 * len(os.sched_getaffinity(0))) as pool:
                found = pool.map(lambda job: judge(world, *job, update), jobs)
                wrong = [f"{state}/{name}: {what}" for (state, name, *_), what in zip(jobs, found) if what]
                kinds = [] if args[1:] else list(TERMINALS)
                found = pool.map(lambda kind: judge_terminals(world, kind), kinds)
                wrong += [f"terminal {kind}: {what}" for kind, what in zip(kinds, found) if what]
            for fake in world.fakes:
                fake.close()
    finally:
        stage.close()
    for text in wrong:
        print(text)
    count = len(jobs) + len(kinds)
    if count > len(wrong):
        print(f"[  PASSED  ] {count - len(wrong)} test(s).")
    if wrong:
        print(f"[  FAILED  ] {len(wrong)} test(s); tests/screens/test_screens.py {args[0]} --update takes them as they are")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
