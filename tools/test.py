#!/usr/bin/env python3
"""`make test`: builds and tests each preset, one line a phase, details only of what fails.

    test.py [release|asan|tsan|soak …]       without arguments the first three

soak is the long form of the tests that are labelled "load": they find SOAK=1 in their environment.

The last line is "N passed, N failed", and ", N skipped" where a test was skipped, summed over the runs. A test is one
function of a test program (cmocka says how many it ran), or the program where it counts nothing. A build that fails
counts as one failure. Exit code 1 when anything failed.
"""
import os
import re
import sys
import time
import xml.etree.ElementTree

import build

CORES = len(os.sched_getaffinity(0))


class Run:
    """One build and which of its tests: labels of ctest, None: all."""

    def __init__(self, preset, labels=None, jobs=CORES, environment=None):
        self.preset, self.labels, self.jobs, self.environment = preset, labels, jobs, environment or {}


# The sanitizers skip what only measures or compares with golden data.
RUNS = {
    "release": Run("release"),
    "asan": Run("asan", "unit|flow"),
    "tsan": Run("tsan", "unit|flow"),
    "soak": Run("release", "load", jobs=1, environment={"SOAK": "1"}),
}
DEFAULT_RUNS = ["release", "asan", "tsan"]

SANITIZER_OPTIONS = {
    "ASAN_OPTIONS": "allocator_may_return_null=1:detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "allocator_may_return_null=1:halt_on_error=1:second_deadlock_stack=1",
}
CMOCKA = re.compile(r"\[  (PASSED|FAILED|SKIPPED) *\].*?(\d+) test\(s\)")
KINDS = {"PASSED": "passed", "FAILED": "failed", "SKIPPED": "skipped"}


class Counts(dict):
    def __init__(self):
        super().__init__(passed=0, failed=0, skipped=0)

    def add(self, other):
        for kind, count in other.items():
            self[kind] += count

    def __str__(self):
        skipped = f", {self['skipped']} skipped" if self["skipped"] else ""
        return f"{self['passed']} passed, {self['failed']} failed{skipped}"


def phase(name, started, note):
    print(f"{name:<18}{time.monotonic() - started:7.1f} s   {note}", flush=True)


def build_preset(preset):
    started = time.monotonic()
    for step, command in (("configure", build.configure_command(preset)), ("build", build.ninja_command(preset))):
        log = build.log_of(preset, step)
        if command and not build.logged(command, log):
            phase(f"{preset}: {step}", started, "FAILED")
            print(f"{build.tail(log)}\n(the whole log: {log.relative_to(build.ROOT)})", flush=True)
            return False
    phase(f"{preset}: build", started, "ok")
    return True


def case_counts(case):
    """What one program of tests says of itself; ctest's verdict has the last word."""
    counts = Counts()
    output = case.findtext("system-out") or ""
    status = case.get("status")
    for kind, number in CMOCKA.findall(output):
        counts[KINDS[kind]] = int(number)  # a child process of a test may have repeated it
    if status in ("notrun", "disabled"):
        counts["skipped"] += 1
    elif status != "run" and counts["failed"] == 0:
        counts["failed"] += 1
    elif sum(counts.values()) == 0:
        counts["passed"] += 1
    return counts


def read_report(path):
    """(counts, [(name, output)] of what failed or was skipped) of a ctest report in JUnit's format."""
    total, told = Counts(), []
    for case in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
        counts = case_counts(case)
        total.add(counts)
        output = case.findtext("system-out") or ""
        if counts["failed"]:
            told.append(f"--- {case.get('name')} failed\n" + "\n".join(output.splitlines()[-60:]))
        elif counts["skipped"]:
            told.append(f"--- {case.get('name')}: {counts['skipped']} skipped")
    return total, told


def run_ctest(name):
    started = time.monotonic()
    run = RUNS[name]
    report = build.log_of(name, "tests").with_suffix(".xml")
    report.unlink(missing_ok=True)
    command = ["ctest", "--test-dir", f"build/{run.preset}", "-j", str(run.jobs), "--timeout", "300", "--no-tests=error",
               "--test-output-size-passed", "262144", "--test-output-size-failed", "262144",
               "--output-junit", str(report)]
    if run.labels:
        command += ["-L", run.labels]
    log = build.log_of(name, "tests")
    good = build.logged(command, log, {**os.environ, **run.environment})
    if not report.exists():
        phase(f"{name}: tests", started, "FAILED")
        print(build.tail(log), flush=True)
        return {"failed": 1}
    counts, told = read_report(report)
    if not good and counts["failed"] == 0:
        counts["failed"] = 1
        told.append(build.tail(log))
    phase(f"{name}: tests", started, counts)
    for text in told:
        print(text, flush=True)
    return counts


def main(args):
    names = args or DEFAULT_RUNS
    if not set(names) <= set(RUNS):
        sys.exit(__doc__)
    os.environ.update({name: os.environ.get(name, value) for name, value in SANITIZER_OPTIONS.items()})
    total = Counts()
    for name in names:
        total.add(run_ctest(name) if build_preset(RUNS[name].preset) else {"failed": 1})
    print(total)
    return 1 if total["failed"] or not total["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
