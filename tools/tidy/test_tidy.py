#!/usr/bin/env python3
"""Tests of tools/tidy on small trees: a good one has no findings, and each fault is found at its line."""
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import rules  # noqa: E402
import tidy  # noqa: E402
import tree as trees  # noqa: E402
from source import Source  # noqa: E402

LAYERS = "# a comment\n0 kit json.h\n1 loop uv.h\n4 plug\n8 api\n"


def header(path, body=""):
    guard = "_".join(path.removesuffix(".h").split("/")[1:]).upper() + "_H"
    return f"/* {path} - what it is for. */\n#ifndef {guard}\n#define {guard}\n{body}#endif\n"


GOOD = {
    "src/layers.txt": LAYERS,
    "src/kit/alloc.h": header("src/kit/alloc.h", "#include <json.h>\n"),
    "src/kit/alloc.c": '#include "kit/alloc.h"\n\n#include <stdlib.h>\n\n'
                       "void *kit_alloc(size_t n)\n{\n    return malloc(n); /* strcpy(a, b) */\n}\n",
    "src/loop/loop.h": header("src/loop/loop.h", '#include "kit/alloc.h"\n'),
    "src/loop/loop.c": '#include "loop/loop.h"\n\n#include <uv.h>\n\n'
                       "static int twice(struct x *x)\n{\n    x->free(x);\n    return 2 * puts(\"malloc(1)\");\n}\n",
    "include/aether/backend.h": header("include/aether/backend.h"),
    "backends/echo/echo.c": "#include <aether/backend.h>\n#include <stdlib.h>\n\n"
                            "void *echo_new(void)\n{\n    return malloc(1);\n}\n",
    "tests/unit/kit/test_alloc.c": '#include "kit/alloc.c"\nint main(void)\n{\n    return 0;\n}\n',
}


class TreeCase(unittest.TestCase):
    def findings(self, **changed):
        """Findings of the good tree with files replaced or added; keys are paths, __ for / and _dot_ for a dot."""
        with tempfile.TemporaryDirectory() as root:
            for name, text in {**GOOD, **{path_of(k): v for k, v in changed.items()}}.items():
                path = pathlib.Path(root, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return [str(f) for f in tidy.findings(trees.Tree(root))]

    def assert_found(self, place, words, **changed):
        found = self.findings(**changed)
        self.assertTrue(any(f.startswith(place) and words in f for f in found), found)
        return found


def path_of(key):
    return key.replace("__", "/").replace("_dot_", ".")


class Rules(TreeCase):
    def test_a_good_tree_has_no_findings(self):
        self.assertEqual(self.findings(), [])

    def test_an_upward_include(self):
        self.assert_found("src/kit/a.c:2:", "layer 1", src__kit__a_dot_c='#include "kit/alloc.h"\n#include "loop/loop.h"\n')

    def test_a_neighbour_of_the_same_layer(self):
        self.assert_found("src/net/a.c:1:", "layer 1", src__layers_dot_txt=LAYERS + "1 net\n",
                          src__net__a_dot_c='#include "loop/loop.h"\n')

    def test_a_header_that_is_for_its_own_folder(self):
        inner = header("src/kit/inner.h").replace("it is for. */", "it is for. For src/kit/ only. */")
        uses = '#include "kit/inner.h"\n'
        self.assert_found("src/loop/loop.h:4", "for src/kit/ only", src__kit__inner_dot_h=inner,
                          src__loop__loop_dot_h=header("src/loop/loop.h", uses))
        self.assertEqual(self.findings(src__kit__inner_dot_h=inner,
                                       src__kit__buf_dot_h=header("src/kit/buf.h", uses),
                                       tests__unit__kit__test_buf_dot_c=uses), [])

    def test_a_folder_without_a_layer(self):
        self.assert_found("src/layers.txt:1:", "src/new/", src__new__a_dot_c="")

    def test_an_include_of_nothing(self):
        self.assert_found("src/api/a.c:1:", "does not exist", src__api__a_dot_c='#include "kit/gone.h"\n')

    def test_a_foreign_header_in_the_wrong_folder(self):
        self.assert_found("src/api/a.c:1:", "only src/loop/", src__api__a_dot_c="#include <uv.h>\n")

    def test_a_header_that_nobody_claims(self):
        self.assert_found("src/api/a.c:1:", "unknown header", src__api__a_dot_c="#include <zlib.h>\n")

    def test_threads_stay_in_kit(self):
        self.assert_found("src/api/a.c:1:", "only kit", src__api__a_dot_c="#include <pthread.h>\n")

    def test_intrinsics_stay_in_kernels(self):
        self.assert_found("backends/native/a.c:1:", "kernels/x86_", backends__native__a_dot_c="#include <immintrin.h>\n")

    def test_a_back_end_that_sees_the_server(self):
        self.assert_found("backends/native/a.c:1:", "never src/loop/",
                          backends__native__a_dot_c='#include "loop/loop.h"\n')

    def test_echo_does_without_kit(self):
        self.assert_found("backends/echo/a.c:1:", "include/aether alone",
                          backends__echo__a_dot_c='#include "kit/alloc.h"\n')

    def test_a_cycle(self):
        self.assert_found("src/api/", "include cycle", src__api__a_dot_h=header("src/api/a.h", '#include "api/b.h"\n'),
                          src__api__b_dot_h=header("src/api/b.h", '#include "api/a.h"\n'))

    def test_a_header_without_guard_or_comment(self):
        found = self.assert_found("src/api/a.h:1:", "API_A_H", src__api__a_dot_h="int api_a(void);\n")
        self.assertIn("must start with a comment", "".join(found))

    def test_a_header_that_was_moved(self):
        self.assert_found("src/api/a.h:1:", "names src/api/b.h",
                          src__api__a_dot_h=header("src/api/a.h").replace("a.h -", "b.h -"))

    def test_code_that_says_it_has_no_guard(self):
        self.assertEqual(self.findings(src__api__a_dot_h="/* src/api/a.h - a body. No guard: it is code. */\n"), [])

    def test_the_own_header_comes_first(self):
        self.assert_found("src/api/a.c:1:", "must include api/a.h first", src__api__a_dot_h=header("src/api/a.h"),
                          src__api__a_dot_c='#include "kit/alloc.h"\n#include "api/a.h"\n')

    def test_malloc_outside_the_allocator(self):
        self.assert_found("src/api/a.c:3:", "calls free", src__api__a_dot_c="void api_a(void *p)\n{\n    free(p);\n}\n")

    def test_a_banned_call(self):
        self.assert_found("src/api/t.c:1:", "calls strcpy", src__api__t_dot_c="int x = strcpy(a, b);\n")

    def test_a_missing_brace(self):
        found = self.assert_found("src/api/a.c:3:", "if without braces", src__api__a_dot_c="static void a(void)\n{\n"
                                  "    if (x(1))\n        y();\n    else if (z) {\n    }\n"
                                  "    do {\n    } while (x);\n}\n")
        self.assertEqual(len(found), 1)

    def test_a_name_without_its_folder(self):
        self.assert_found("src/api/a.c:3:", "api_…", src__api__a_dot_c="\nvoid open_door(void)\n{\n}\n")

    def test_a_macro_may_say_static(self):
        self.assertEqual(self.findings(src__api__a_dot_c="#define FAST static inline\nFAST int a(void)\n{\n}\n"), [])

    def test_a_long_function(self):
        body = "    x();\n" * rules.FUNCTION_LINES_MAX
        self.assert_found("src/api/a.c:2:", f"has {rules.FUNCTION_LINES_MAX + 2} lines", src__api__a_dot_c=f"void api_a(void)\n{{\n{body}}}\n")

    def test_a_wide_line(self):
        self.assert_found("src/api/a.c:2:", "131 characters", src__api__a_dot_c=f"\n/* {'ä' * 125} */\n")

    def test_a_comment_about_what_is_gone(self):
        self.assert_found("src/api/a.c:2:", "speaks of loop_away", src__api__a_dot_c="\n/* as loop_away does */\n")
        self.assertEqual(self.findings(src__loop__a_dot_c="\n/* see kit_alloc and kit_x_* */\n"), [])

    def test_a_map_that_names_what_is_gone(self):
        table = "# A\n\n## Each room\n\n| `kit` | `alloc.h` | memory `alloc`%s |\n\n## Else\n\n| `x` | `y` |\n"
        self.assert_found("docs/architecture.md:5:", "src/kit/gone", docs__architecture_dot_md=table % " `gone`")
        self.assertEqual(self.findings(docs__architecture_dot_md=table % ""), [])

    def test_words_and_paths_that_do_not_belong(self):
        text = "TO" "DO later\nsee /ho" "me/me/x\nfrom deb.debian" ".org\nmkdtemp(XXXXXX) ~/work/x $HOME/opt/y\n"
        found = self.findings(README_dot_md=text)
        self.assertEqual([f.split(" ")[0] for f in found], [f"README.md:{n}:" for n in (1, 2, 3)])


class Functions(unittest.TestCase):
    def found(self, text):
        return [(f.name, f.line, f.lines, f.branches) for f in Source("src/a/a.c", text).functions]

    def test_length_and_branches(self):
        self.assertEqual(self.found("int f(int a)\n{\n    if (a && b) {\n        g(\"}\");\n    }\n    return 1;\n}\n"),
                         [("f", 2, 6, 2)])

    def test_attributes_and_function_pointers(self):
        self.assertEqual(self.found("KIT_PRINTF(1, 2) static void f(void (*g)(int), int n)\n{\n}\n"), [("f", 2, 2, 0)])

    def test_structs_and_tables_are_no_functions(self):
        self.assertEqual(self.found("struct a {\n    int (*f)(void);\n};\nstatic const int t[] = {A(1), B(2)};\n"), [])

    def test_a_test_macro_gives_the_name_of_the_test(self):
        self.assertEqual(self.found("TEST(str_is_cut)\n{\n}\n"), [("str_is_cut", 2, 2, 0)])

    def test_branches_of_the_preprocessor_do_not_swallow_the_file(self):
        text = "#if A\nvoid f(int a)\n{\n#else\nvoid f(void)\n{\n#endif\n}\nvoid g(void)\n{\n}\n"
        self.assertEqual([f[0] for f in self.found(text)], ["f", "g"])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "--quiet"])
