"""A terminal in memory: reads what a program writes and holds the screen, a cell a column.

It knows what heimnetz uses and what a terminal of today does with it: UTF-8 with wide and combining characters, styles,
carriage return, erasing, moving the cursor, wrapping at the last column. Anything else is an error: a program must not
send what the test cannot see.
"""
import re
import unicodedata

CONTROL = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
STYLES = {1: "b", 2: "d", 31: "r", 32: "g", 33: "y", 36: "c"}  # letter of a style in a golden screen
PLAIN = " "


class Unknown(Exception):
    """A sequence that this terminal does not know."""


def columns_of(char):
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


class Screen:
    def __init__(self, width):
        self.width = width
        self.rows = [[]]      # of [text, style letter]; the second half of a wide character is ["", style]
        self.row = self.column = 0
        self.style = PLAIN
        self.full = False     # the last column is written; the next character wraps
        self.wrapped = False  # a line was too long for the screen
        self.styled = False   # a style was asked for
        self.escaped = False  # so was anything else than text

    def feed(self, text):
        at = 0
        while at < len(text):
            match = CONTROL.match(text, at)
            if match:
                self.escaped = True
                if match.group(2):
                    self.control(match.group(1), match.group(2))
                at = match.end()
            else:
                self.put(text[at])
                at += 1

    def put(self, char):
        if char == "\r":
            self.column, self.full = 0, False
        elif char == "\n":
            self.new_line()
        elif char < " " or char == "\x7f":
            raise Unknown(f"control character {char!r}")
        else:
            self.write(char)

    def new_line(self):
        self.row, self.full = self.row + 1, False
        while len(self.rows) <= self.row:
            self.rows.append([])

    def write(self, char):
        columns = columns_of(char)
        line = self.rows[self.row]
        if columns == 0:
            if self.column > 0 and line:
                line[min(self.column, len(line)) - 1][0] += char
            return
        if self.full or self.column + columns > self.width:
            self.wrapped = True
            self.column = 0
            self.new_line()
            line = self.rows[self.row]
        while len(line) < self.column + columns:
            line.append([" ", PLAIN])
        line[self.column] = [char, self.style]
        if columns == 2:
            line[self.column + 1] = ["", self.style]
        self.column += columns
        if self.column == self.width:
            self.column, self.full = self.width - 1, True

    def control(self, numbers, letter):
        values = [int(n) if n else 0 for n in numbers.lstrip("?").split(";")]
        if letter == "m":
            self.set_styles(values)
        elif letter == "K" and values[0] == 0:
            del self.rows[self.row][self.column:]
            self.full = False
        elif letter == "G":
            self.column, self.full = max(values[0], 1) - 1, False
        elif letter in "hl" and numbers == "?25":
            pass  # shows and hides the cursor
        else:
            raise Unknown(f"escape sequence {numbers}{letter}")

    def set_styles(self, values):
        for value in values:
            if value != 0 and value not in STYLES:
                raise Unknown(f"style {value}")
            self.style = STYLES.get(value, PLAIN)
            self.styled = self.styled or value != 0

    def lines(self):
        """[(text, styles)]: the styles of a line are as long as its text; blanks at the end are left out."""
        found = []
        for row in self.rows:
            text = "".join(cell[0] for cell in row)
            styles = "".join(style * len(chars) for chars, style in row)
            kept = len(text.rstrip())
            found.append((text[:kept], styles[:kept].rstrip()))
        while found and not found[-1][0]:
            found.pop()
        return found


def width_of(text):
    return sum(columns_of(c) for c in text)
