#!/usr/bin/env python3
"""Runs clang-tidy (.clang-tidy says which checks) over the product's sources: all of them, or those that a change
touches. It needs a configured build folder for the compile commands, not a built one. The version is pinned, as
check_format.py's: without it the check says so and exits 77.

  tests/lint/check_tidy.py [--changed REV] [--build FOLDER] [--jobs N] [FILE…]
    --changed REV   sources that differ from REV, and those that include a header that does
SPDX-License-Identifier: Apache-2.0
"""
import argparse
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys

import check_layers
import rules

VERSION = "14"
ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))


def find():
    for name in (f"clang-tidy-{VERSION}", "clang-tidy"):
        path = shutil.which(name)
        if path and f"version {VERSION}." in subprocess.run([path, "--version"], capture_output=True, text=True).stdout:
            return path
    return None


def product_sources(build):
    """Our sources with a compile command, relative to the root; the tests are checked by compilers alone."""
    with open(os.path.join(build, "compile_commands.json")) as f:
        paths = {os.path.relpath(entry["file"], ROOT) for entry in json.load(f)}
    folders = tuple(module + "/" for module in rules.MODULES if module != "tests")
    return sorted(p for p in paths if p.startswith(folders) and os.path.isfile(os.path.join(ROOT, p)))


def included(path):
    """What a file of ours includes of ours, relative to the root; without headers that CMake makes."""
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        names = re.findall(r'^#include "([^"]+)"', f.read(), re.M)
    found = [check_layers.resolve(ROOT, name) for name in names]
    return [path for path in found if path and os.path.isfile(os.path.join(ROOT, path))]


def reaches(path, changed, seen):
    if path in seen:
        return seen[path]
    seen[path] = path in changed  # also ends a ring of includes
    seen[path] = seen[path] or any([reaches(p, changed, seen) for p in included(path)])
    return seen[path]


def touched(sources, rev):
    listed = subprocess.run(["git", "-C", ROOT, "diff", "--name-only", "--merge-base", rev], check=True,
                            capture_output=True, text=True).stdout.splitlines()
    listed += subprocess.run(["git", "-C", ROOT, "ls-files", "-o", "--exclude-standard"], check=True,
                             capture_output=True, text=True).stdout.splitlines()
    if ".clang-tidy" in listed:
        return sources
    seen = {}
    return [s for s in sources if reaches(s, set(listed), seen)]


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1])
    parser.add_argument("--changed", metavar="REV")
    parser.add_argument("--build", default=os.path.join(ROOT, "build-dev"))
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()
    tool = find()
    if not tool:
        print(f"skipped: clang-tidy {VERSION} is not installed; apt-get install clang-tidy-{VERSION}")
        return 77
    if not os.path.isfile(os.path.join(options.build, "compile_commands.json")):
        print(f"{options.build} holds no compile_commands.json; configure first: cmake --preset dev")
        return 2
    sources = options.files or product_sources(options.build)
    if options.changed:
        sources = touched(sources, options.changed)

    def check(path):
        return path, subprocess.run([tool, "-p", options.build, "--quiet", path], cwd=ROOT, capture_output=True, text=True)

    said, bad = set(), 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for path, done in pool.map(check, sources):
            if done.returncode:
                bad += 1
                # A finding in a header is told once, not once a source.
                for finding in re.split(r"^(?=\S+:\d+:\d+: )", done.stdout or done.stderr, flags=re.M):
                    if finding.strip() and finding not in said:
                        said.add(finding)
                        print(finding.replace(ROOT + "/", ""), end="", flush=True)
    print(f"tidy: {len(sources)} sources, {bad} with findings")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
