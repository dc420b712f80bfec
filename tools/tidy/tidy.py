#!/usr/bin/env python3
"""Checks the shape of the source tree and prints its figures.

    tidy.py [ROOT]

Fails on what tools/tidy/rules.py lists (layers of src/layers.txt, headers for one folder only, include cycles,
other libraries' headers, malloc outside kit/alloc.c, banned calls, header guards and comments, names, braces,
function length, open ends, machine paths, comments and a map that name what is gone), each with its place and what
to do. Then come the ten longest and the ten most branched functions of src/, include/ and backends/: for a look in
review, not failures.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import rules  # noqa: E402
import tree as trees  # noqa: E402


def quantile(ordered, share):
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0


def product_functions(tree):
    return [(function, source.path) for source in tree.sources.values() if rules.is_ours(source.path)
            for function in source.functions]


def comment_share(tree):
    """Percent of the lines of our headers that are comment."""
    headers = [s for s in tree.sources.values() if rules.is_ours(s.path) and s.path.endswith(".h")]
    lines = sum(s.text.count("\n") for s in headers)
    return 100 * sum(s.comment_lines for s in headers) / lines if lines else 0


def print_ten(title, functions, measure):
    print(title)
    for function, path in sorted(functions, key=lambda f: -measure(f[0]))[:10]:
        print(f"  {measure(function):4}  {function.name}  {path}:{function.line}")


def print_figures(tree):
    functions = product_functions(tree)
    lengths = sorted(f.lines for f, _ in functions)
    print_ten("longest functions (lines, braces included)", functions, lambda f: f.lines)
    print_ten("most branched functions", functions, lambda f: f.branches)
    print(f"tidy: {len(tree.sources)} C files, {len(functions)} functions: median {quantile(lengths, .5)}, "
          f"p90 {quantile(lengths, .9)}, p99 {quantile(lengths, .99)} lines; headers are "
          f"{comment_share(tree):.0f} % comment")


def findings(tree):
    return sorted({finding for rule in rules.RULES for finding in rule(tree)})


def main(args):
    root = pathlib.Path(args[0]) if args else pathlib.Path(__file__).resolve().parents[2]
    tree = trees.Tree(root)
    print_figures(tree)
    found = findings(tree)
    for finding in found:
        print(finding)
    if found:
        print(f"tidy: {len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
