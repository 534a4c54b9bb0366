#!/usr/bin/env python3
"""Says which C++ files differ from what clang-format makes of them. The style is pinned to version 14, whose output
other versions do not reproduce: without it the check says so and exits 77, which CTest shows as skipped.

  tests/lint/check_format.py [--fix] [ROOT]
SPDX-License-Identifier: Apache-2.0
"""
import os
import re
import shutil
import subprocess
import sys

import tree

VERSION = "14"


def find():
    seen = []
    for name in (f"clang-format-{VERSION}", "clang-format"):
        path = shutil.which(name)
        if not path:
            continue
        text = subprocess.run([path, "--version"], capture_output=True, text=True).stdout
        version = re.search(r"version (\d+)", text)
        if version and version.group(1) == VERSION:
            return path, seen
        seen.append(text.strip())
    return None, seen


def main():
    fix = "--fix" in sys.argv
    where = [a for a in sys.argv[1:] if not a.startswith("--")]
    root = os.path.abspath(where[0] if where else os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
    tool, seen = find()
    if not tool:
        print(f"skipped: clang-format {VERSION} is not installed (found: {'; '.join(seen) or 'none'}); "
              f"apt-get install clang-format-{VERSION}")
        return 77
    files = [os.path.join(root, f) for f in tree.files(root) if f.endswith(tree.CPP)]
    if fix:
        return subprocess.run([tool, "-i", *files]).returncode
    done = subprocess.run([tool, "--dry-run", "-Werror", *files], capture_output=True, text=True)
    bad = sorted(set(re.findall(r"^(.+?):\d+:\d+: error:", done.stderr, re.M)))
    for path in bad:
        print(f"{os.path.relpath(path, root)}: not formatted; tests/lint/check_format.py --fix")
    if done.returncode and not bad:
        print(done.stderr)
    print(f"format: {len(files)} files, {len(bad)} differ")
    return 1 if done.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
