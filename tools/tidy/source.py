"""Reads one C file the way tools/tidy needs it: text without comments and literals, includes, functions."""
import dataclasses
import functools
import re

COMMENT_OR_LITERAL = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)
DIRECTIVE = re.compile(r"^[ \t]*#(?:\\\n|[^\n])*", re.M)
INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*([<\"])([^>\"\n]+)[>\"]", re.M)
BRANCH = re.compile(r"\b(?:if|for|while|case)\b|&&|\|\||\?")
CALL = re.compile(r"([A-Za-z_]\w*)\s*\(")


@dataclasses.dataclass
class Include:
    line: int
    name: str
    quoted: bool


@dataclasses.dataclass
class Function:
    name: str
    line: int      # of its opening brace
    lines: int     # from the opening to the closing brace, both counted
    branches: int  # if, for, while, case, &&, ||, ?:
    head: str      # what stands before the brace


def blank(match):
    """Spaces in place of what was found, so that lines and columns stay."""
    return re.sub(r"[^\n]", " ", match.group())


def blank_comment(match):
    return blank(match) if match.group().startswith("/") else match.group()


class Source:
    """path is relative to the root of the repository."""

    def __init__(self, path, text):
        self.path = path
        self.text = text

    def line_at(self, offset):
        return self.text.count("\n", 0, offset) + 1

    @functools.cached_property
    def code(self):
        """Without comments, strings and characters; preprocessor lines stay."""
        return COMMENT_OR_LITERAL.sub(blank, self.text)

    @functools.cached_property
    def body(self):
        """The code without preprocessor lines."""
        return DIRECTIVE.sub(blank, self.code)

    @functools.cached_property
    def comment_lines(self):
        return sum(m.group().count("\n") + 1 for m in COMMENT_OR_LITERAL.finditer(self.text)
                   if m.group().startswith("/"))

    @functools.cached_property
    def uncommented(self):
        """Without comments; strings stay."""
        return COMMENT_OR_LITERAL.sub(blank_comment, self.text)

    @functools.cached_property
    def includes(self):
        return [Include(self.line_at(m.start(1)), m.group(2), m.group(1) == '"')
                for m in INCLUDE.finditer(self.uncommented)]

    @functools.cached_property
    def static_macros(self):
        """Macros that stand for a declaration with `static` in it."""
        return set(re.findall(r"^[ \t]*#[ \t]*define[ \t]+(\w+)[ \t]+static\b", self.code, re.M))

    @functools.cached_property
    def functions(self):
        found = []
        for head, start, end in outer_blocks(self.body):
            name = function_name(head)
            if name is not None:
                block = self.body[start:end + 1]
                found.append(Function(name, self.line_at(start), block.count("\n") + 1,
                                      len(BRANCH.findall(block)), head))
        return found


def outer_blocks(body):
    """Yields (text before, offset of {, offset of }) of each outermost pair of braces. A } in the first column always
    closes the outermost one: an #if that opens twice does not swallow the rest of the file."""
    depth = start = head_start = 0
    head = ""
    for m in re.finditer(r"[{};]", body):
        at, what = m.start(), m.group()
        if what == "{":
            if depth == 0:
                head, start = body[head_start:at], at
            depth += 1
        elif what == "}" and depth > 0:
            depth = 0 if body[at - 1:at] == "\n" else depth - 1
            if depth == 0:
                yield head, start, at
                head_start = at + 1
        elif what == ";" and depth == 0:
            head_start = at + 1


def outer_calls(head):
    """Names that stand before a parenthesis which is in no other: of `static A(1) int f(int (*g)(int))` A and f."""
    names, depth, last = [], 0, 0
    for at, char in enumerate(head):
        if char == "(":
            if depth == 0:
                m = re.search(r"([A-Za-z_]\w*)\s*$", head[last:at])
                if m:
                    names.append(m.group(1))
            depth += 1
        elif char == ")":
            depth -= 1
            last = at + 1
    return names


def function_name(head):
    """The name of the function that this text opens, or None: a struct, an enum or a table. A macro that stands for a
    head (TEST(name)) gives what is in its parentheses."""
    if re.search(r"[^=!<>]=[^=]", head):
        return None
    names = [n for n in outer_calls(head) if n not in ("__attribute__", "_Alignas", "_Static_assert")]
    plain = [n for n in names if not n.isupper()]
    if plain:
        return plain[0]
    if names:
        m = re.search(rf"\b{names[0]}\s*\(\s*(\w+)", head)
        return m.group(1) if m else names[0]
    return None
