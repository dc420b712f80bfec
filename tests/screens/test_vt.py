#!/usr/bin/env python3
"""The terminal in memory and the masks: a golden screen is worth what they are."""
import sys
import unittest

import mask
from vt import Screen, Unknown, width_of


def screen(text, width=10):
    found = Screen(width)
    found.feed(text)
    return found


class Terminal(unittest.TestCase):
    def test_a_line_as_wide_as_the_screen_does_not_wrap(self):
        found = screen("0123456789\r\nab")
        self.assertEqual([text for text, _ in found.lines()], ["0123456789", "ab"])
        self.assertFalse(found.wrapped)

    def test_one_column_more_wraps_and_is_noticed(self):
        found = screen("0123456789a")
        self.assertEqual([text for text, _ in found.lines()], ["0123456789", "a"])
        self.assertTrue(found.wrapped)
        self.assertTrue(screen("012345678日").wrapped)

    def test_wide_and_combining_characters_take_what_they_take(self):
        self.assertEqual(width_of("日本e\u0301🚀"), 7)
        found = screen("日本e\u0301🚀|\rX")
        self.assertEqual(found.lines()[0][0], "X本e\u0301🚀|")

    def test_a_line_is_wiped_and_written_anew(self):
        found = screen("loading 3 %\r\033[Kdone", 20)
        self.assertEqual(found.lines(), [("done", "")])

    def test_styles_lie_below_their_text(self):
        found = screen("\033[1ma\033[0m b\033[31mcd\033[0m")
        self.assertEqual(found.lines(), [("a bcd", "b  rr")])
        self.assertTrue(found.styled)

    def test_what_it_does_not_know_is_an_error(self):
        for text in ("\033[5n", "\033[38m", "\a", "\033c"):
            with self.assertRaises(Unknown):
                screen(text)


class Masks(unittest.TestCase):
    def test_a_masked_line_keeps_its_frame(self):
        for line in ("│ up      3 s              │", "│ up      12 min 5 s       │"):
            self.assertEqual(mask.screen_line(line, ""), ("│ up      TIME             │", ""))

    def test_a_column_that_is_aligned_to_the_right_keeps_its_place(self):
        for line in ("ok  0.1.0   0.8 ms", "ok  0.1.0  12.8 ms"):
            self.assertEqual(mask.screen_line(line, "")[0], "ok  0.1.0     TIME")

    def test_styles_move_with_the_text(self):
        self.assertEqual(mask.screen_line("in 12.5 ms at", "   yyyyyyy gg"), ("in TIME at", "   yyyy gg"))

    def test_json_is_laid_out_without_what_changes(self):
        self.assertEqual(mask.json_text('{"latency_ms":3.5,"state":"ok","outputs":[[0.1]]}'),
                         '{"latency_ms": 0, "state": "ok", "outputs": "…"}')


if __name__ == "__main__":
    outcome = unittest.main(exit=False, verbosity=0).result
    wrong = len(outcome.failures) + len(outcome.errors)
    print(f"[  PASSED  ] {outcome.testsRun - wrong} test(s).")
    if wrong:
        print(f"[  FAILED  ] {wrong} test(s).")
    sys.exit(1 if wrong else 0)
