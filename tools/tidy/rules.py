"""What tools/tidy insists on. A rule takes the tree and yields findings; RULES at the end is the list."""
import dataclasses
import fnmatch
import pathlib
import re

from source import COMMENT_OR_LITERAL
from tree import area_of

FUNCTION_LINES_MAX = 60
COLUMNS_MAX = 130  # .clang-format holds code to 120 and leaves comments alone

# How a header's first comment says that other folders keep out.
INNER = re.compile(r"\bFor (src/\w+/) only\b")

MAP, MAP_TITLE = "docs/architecture.md", "## Each room"

# Headers that some folders only may see, wherever they come from: whole name or "prefix/".
CONFINED = {
    "pthread.h": {"kit"},
    "stdatomic.h": {"kit", "loop", "plug", "sched"},
}
# One file a row: the kernels of x86 and the look at the processor.
INTRINSICS = re.compile(r"(^|/)kernels/x86_\w+\.[ch]$|^src/kit/cpu\.c$")
INTRINSIC_HEADERS = {"immintrin.h", "x86intrin.h", "cpuid.h"}

STANDARD = set("""assert ctype errno fenv float inttypes limits locale math setjmp signal stdalign stdarg stdatomic
stdbool stddef stdint stdio stdlib stdnoreturn string tgmath time uchar wchar wctype
dirent dlfcn endian execinfo fcntl fnmatch ftw getopt glob grp langinfo libgen malloc netdb poll pthread pwd sched semaphore spawn
strings syslog termios ucontext unistd""".split())
SYSTEM_PREFIXES = ("sys/", "linux/", "netinet/", "arpa/", "net/")

ALLOCATION = re.compile(r"(?<![\w.>])(malloc|calloc|realloc|reallocarray|free|strdup|strndup|posix_memalign|"
                        r"aligned_alloc|asprintf|vasprintf|getline)\s*\(")
BANNED = {
    "strcpy": "kit_buf or memcpy with a length", "strcat": "kit_buf", "sprintf": "snprintf or kit_buf",
    "vsprintf": "vsnprintf or kit_buf", "gets": "kit_file", "strtok": "kit_str_cut", "alloca": "an arena or kit_alloc",
    "atoi": "kit_str_to_u64", "atol": "kit_str_to_i64", "atof": "kit_num",
}
BANNED_CALL = re.compile(rf"(?<![\w.>])({'|'.join(BANNED)})\s*\(")
CONTROL = re.compile(r"\b(if|for|while|else)\b")

WORDS = re.compile(r"\b(" + "|".join(["TO" "DO", "FIX" "ME", "X" "XX"]) + r")\b")
MACHINE_PATH = re.compile(r"(?<![\w.~$})/-])/(?:home|root|work|opt|Users)/\w")
OUTSIDE_PATH = re.compile(r"\.\./shared\b")
REGISTRY = re.compile(r"\b(?:(?:pypi|pythonhosted|npmjs|yarnpkg|maven|rubygems)\.(?:org|com|io)|crates\.io|ghcr\.io|"
                      r"quay\.io|(?:proxy|sum)\.golang\.org|(?:deb|security|ftp|snapshot)\.debian\.org|"
                      r"archive\.ubuntu\.com)\b")


@dataclasses.dataclass(order=True, frozen=True)
class Finding:
    path: str
    line: int
    what: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.what}"


def resolved_includes(tree):
    for source in tree.sources.values():
        for include in source.includes:
            yield source, include, tree.resolve(source, include)


def is_ours(path):
    """Product code: what tests may do is another matter."""
    return path.startswith(("src/", "backends/", "include/"))


def layers(tree):
    """A folder includes itself and lower layers; back ends see aether/, kit/ and themselves, echo aether/ alone."""
    for source, include, target in resolved_includes(tree):
        complaint = None
        area, folder = area_of(source.path)
        if target is not None and area == "src":
            complaint = upward(tree, folder, target)
        elif target is not None and area == "backends":
            complaint = from_backend(folder, target)
        elif target is not None and area == "include" and not target.startswith("include/"):
            complaint = "the public header stands alone: it includes the C library only"
        if complaint:
            yield Finding(source.path, include.line, f"includes {include.name}: {complaint}")


def inner(tree):
    """A header that says "For src/<folder>/ only" in its first comment is included by that folder and by tests."""
    for source, include, target in resolved_includes(tree):
        home = INNER.search(tree.sources[target].text.partition("*/")[0]) if target in tree.sources else None
        if home and is_ours(source.path) and not source.path.startswith(home.group(1)):
            yield Finding(source.path, include.line, f"includes {include.name}, which is for {home.group(1)} only: "
                                                     "call what that folder offers to others")


def upward(tree, folder, target):
    other_area, other = area_of(target)
    own = tree.layers.get(folder)
    if other_area == "include":
        plug = tree.layers.get("plug")
        return None if own is None or plug is None or own.layer >= plug.layer else \
            "the plug-in ABI is known from the layer of plug/ upwards"
    if other_area != "src":
        return f"{other_area}/ is no part of src/"
    if other == folder or own is None or other not in tree.layers:
        return None  # unknown folders are told once, by folders()
    theirs = tree.layers[other].layer
    if theirs < own.layer:
        return None
    return (f"{other}/ is layer {theirs}, {folder}/ is layer {own.layer}. Move what both need down, or let {other}/ "
            "hand in a message or a struct of functions that the lower folder declares")


def from_backend(name, target):
    area, other = area_of(target)
    if area == "include" or (area, other) == ("backends", name):
        return None
    if area == "src" and other == "kit":
        return None if name != "echo" else "echo is the example for third parties and uses include/aether alone"
    return f"a back end sees aether/, kit/ and its own folder, never {area}/{other}/"


def folders(tree):
    """Every folder of src/ has its line in src/layers.txt, and what looks like ours is there."""
    unknown = {area_of(p)[1] for p in tree.sources if p.startswith("src/")} - set(tree.layers)
    for name in sorted(unknown):
        yield Finding("src/layers.txt", 1, f"folder src/{name}/ has no line here: add its layer")
    for source, include, target in resolved_includes(tree):
        first = include.name.split("/")[0]
        if target is None and "/" in include.name and first in tree.layers and not claimed_by(tree, include.name):
            yield Finding(source.path, include.line, f"includes {include.name}, which does not exist")


def claimed_by(tree, header):
    """The folder whose line in layers.txt names this header, or another in the same directory of its library."""
    for name, folder in tree.layers.items():
        for claim in folder.headers:
            if header == claim or ("/" in claim and header.startswith(claim.split("/")[0] + "/")):
                return name
    return None


def is_system(header):
    return header.removesuffix(".h") in STANDARD or header.startswith(SYSTEM_PREFIXES)


def foreign(tree):
    """Another library's header is seen by the one folder that src/layers.txt says."""
    for source, include, target in resolved_includes(tree):
        area, folder = area_of(source.path)
        if target is not None or not is_ours(source.path):
            continue
        owner = claimed_by(tree, include.name)
        complaint = None
        if owner is not None and (area, folder) != ("src", owner):
            complaint = f"only src/{owner}/ sees it (src/layers.txt): call what {owner}/ offers"
        elif include.name in CONFINED and area == "src" and folder not in CONFINED[include.name]:
            complaint = f"only {', '.join(sorted(CONFINED[include.name]))} may: use kit/sync.h or messages"
        elif include.name in INTRINSIC_HEADERS:
            if not INTRINSICS.search(source.path):
                complaint = "intrinsics live in kernels/x86_*.c only"
        elif owner is None and area != "backends" and not is_system(include.name):
            exists = "/" not in include.name or include.name.split("/")[0] not in tree.layers
            complaint = "unknown header: name the folder that may see it in src/layers.txt" if exists else None
        if complaint:
            yield Finding(source.path, include.line, f"includes {include.name}: {complaint}")


def cycles(tree):
    """No header includes itself by way of others."""
    edges = {path: [] for path in tree.sources}
    for source, _, target in resolved_includes(tree):
        if target in edges:
            edges[source.path].append(target)
    done, trail = set(), []

    def walk(path):
        if path in trail:
            yield trail[trail.index(path):] + [path]
        elif path not in done:
            trail.append(path)
            for target in edges[path]:
                yield from walk(target)
            trail.pop()
            done.add(path)

    for path in sorted(edges):
        for cycle in walk(path):
            yield Finding(cycle[0], 1, f"include cycle: {' -> '.join(cycle)}: forward-declare the struct instead")


def guard_names(path):
    """Names that a header's guard may have: FOLDER_FILE_H, with or without folders between or before."""
    parts = [re.sub(r"\W", "_", p).upper() for p in path.split("/")]
    return {"_".join(parts[i:-1] + parts[-1:]) for i in range(len(parts) - 1)} | {f"{parts[1]}_{parts[-1]}"}


def guard_name(path):
    """The one to propose."""
    return "_".join(re.sub(r"\W", "_", p).upper() for p in path.split("/")[-2:])


def headers(tree):
    """A header starts with a comment that says what it is for, and has its guard; "No guard" in that comment marks
    code that is meant to be included more than once."""
    for source in tree.sources.values():
        if not source.path.endswith(".h"):
            continue
        names = guard_names(source.path)
        guard = re.search(r"^#ifndef (\w+)\n#define (\w+)", source.text, re.M)
        top = re.match(r"/\*\s*(\S*).*?\*/", source.text, re.S)
        unguarded = top is not None and "No guard" in top.group()
        named = guard is not None and guard.group(1) == guard.group(2) and \
            (guard.group(1) in names or not is_ours(source.path))
        if not unguarded and not named:
            yield Finding(source.path, 1, f"needs the include guard {guard_name(source.path)}")
        if top is None:
            yield Finding(source.path, 1, "must start with a comment: what it is for, its thread, its memory")
        elif top.group(1).endswith(".h") and top.group(1) != source.path:
            yield Finding(source.path, 1, f"the first comment names {top.group(1)}; the file is {source.path}")


def own_header_first(tree):
    """The first include of x.c is x.h: it proves that the header stands alone."""
    for source in tree.sources.values():
        own = str(pathlib.PurePosixPath(source.path).with_suffix(".h"))
        if source.path.endswith(".c") and own in tree.known and source.includes:
            first = source.includes[0]
            if tree.resolve(source, first) != own:
                yield Finding(source.path, first.line, f"must include {own.removeprefix('src/')} first")


def allocation(tree):
    """Only kit/alloc.c calls malloc and its family."""
    for source in tree.sources.values():
        if is_ours(source.path) and source.path != "src/kit/alloc.c" and not source.path.startswith("backends/echo/"):
            for m in ALLOCATION.finditer(source.code):
                yield Finding(source.path, source.line_at(m.start()),
                              f"calls {m.group(1)}: use kit/alloc.h (it counts, limits and fails on demand)")


def banned(tree):
    """Calls that have no bound or no error."""
    for source in tree.sources.values():
        for m in BANNED_CALL.finditer(source.code) if is_ours(source.path) else ():
            yield Finding(source.path, source.line_at(m.start()), f"calls {m.group(1)}: use {BANNED[m.group(1)]}")


def closing(text, at):
    """Offset behind the parenthesis that closes the first one at or after `at`."""
    depth = 0
    for m in re.compile(r"[()]").finditer(text, at):
        depth += 1 if m.group() == "(" else -1
        if depth == 0:
            return m.end()
    return len(text)


def braces(tree):
    """if, else, for and while have braces, always."""
    for source in tree.sources.values():
        for m in CONTROL.finditer(source.body):
            word = m.group(1)
            after = source.body[m.end() if word == "else" else closing(source.body, m.end()):][:200].lstrip()
            good = after.startswith(("{", "if")) if word == "else" else after.startswith("{")
            if not good and not (word == "while" and after.startswith(";")):
                yield Finding(source.path, source.line_at(m.start()), f"{word} without braces")


def prefix_of(path):
    """What a function that other files can see must start with; None: no rule here."""
    area, folder = area_of(path)
    if area == "src" and folder:
        return (folder + "_",)
    if area == "backends" and folder:
        return (folder + "_", "aether_backend_entry")
    return None


def symbols(tree):
    """A function that other files can see says by its name which folder it is in."""
    private = {"static"}.union(*(source.static_macros for source in tree.sources.values()))
    for source in tree.sources.values():
        prefix = prefix_of(source.path)
        for function in source.functions if prefix else ():
            visible = private.isdisjoint(re.findall(r"\w+", function.head)) and function.name != "main"
            if visible and not function.name.startswith(prefix):
                yield Finding(source.path, function.line,
                              f"{function.name} is visible outside its file: make it static or call it {prefix[0]}…")


def length(tree):
    """No function over FUNCTION_LINES_MAX lines."""
    for source in tree.sources.values():
        for function in source.functions if is_ours(source.path) else ():
            if function.lines > FUNCTION_LINES_MAX:
                yield Finding(source.path, function.line, f"{function.name} has {function.lines} lines: at most "
                                                          f"{FUNCTION_LINES_MAX}; take a step of it out")


def width(tree):
    """No line over COLUMNS_MAX characters."""
    for source in tree.sources.values():
        for number, line in enumerate(source.text.split("\n"), 1):
            if len(line) > COLUMNS_MAX:
                yield Finding(source.path, number, f"{len(line)} characters: at most {COLUMNS_MAX}")


def words(tree):
    """No open ends, no path of one machine and no registry's host in any file."""
    rules = ((WORDS, "an open end: do it, or write an issue"),
             (MACHINE_PATH, "a path of one machine: make it relative or take it from the environment"),
             (OUTSIDE_PATH, "a path outside the repository"),
             (REGISTRY, "a registry's host: its ordinary client knows where to ask"))
    for name in tree.files:
        text = tree.text_of(name)
        for pattern, what in rules:
            for m in pattern.finditer(text):
                yield Finding(name, text.count("\n", 0, m.start()) + 1, f"'{m.group()}' is {what}")


def mentions(tree):
    """A comment of the product names no function, struct or string of ours that is nowhere in the code."""
    ours = re.compile(rf"\b(?:{'|'.join([*tree.layers, 'native', 'acb'])})_[a-z0-9_]*[a-z0-9]\b(?!_?[*#…])")
    known = {word for source in tree.sources.values() for word in ours.findall(source.uncommented)}
    known |= {word for name in tree.files if name.endswith(".def") for word in ours.findall(tree.text_of(name))}
    for source in tree.sources.values():
        for comment in COMMENT_OR_LITERAL.finditer(source.text) if is_ours(source.path) else ():
            for word in ours.finditer(comment.group()) if comment.group().startswith("/") else ():
                if word.group() not in known:
                    yield Finding(source.path, source.line_at(comment.start() + word.start()),
                                  f"speaks of {word.group()}, which does not exist")


def rooms(tree):
    """The table of rooms in docs/architecture.md names files that are there."""
    text = tree.text_of(MAP) if MAP in tree.known else ""
    start = text.find(MAP_TITLE)
    for match in re.finditer(r"^\| `([\w/]+)` \|.*$", text[start:text.find("\n## ", start + 1)] if start >= 0 else "", re.M):
        folder = match.group(1) if "/" in match.group(1) else f"src/{match.group(1)}"
        for name in re.findall(r"`([\w./*]+)`", match.group())[1:]:
            path = f"{folder}/{name}"
            wanted = (path, f"{path}.[ch]", f"{path}*" if name.endswith("/") else path)
            if not any(fnmatch.fnmatch(known, pattern) for known in tree.known for pattern in wanted):
                yield Finding(MAP, text.count("\n", 0, start + match.start()) + 1, f"names {path}, which does not exist")


RULES = (folders, layers, inner, foreign, cycles, headers, own_header_first, allocation, banned, braces, symbols, length,
         width, words, mentions, rooms)
