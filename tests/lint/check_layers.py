#!/usr/bin/env python3
"""Reads every #include of the tree and says which ones the module table does not allow; also file sizes, licence
lines, goldens that no test reads and a few things product code never does. Prints `file:line: what is wrong`, exits 1.

  tests/lint/check_layers.py [ROOT]
SPDX-License-Identifier: Apache-2.0
"""
import fnmatch
import os
import re
import sys

import rules
import tree

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as f:
        return f.read()


def module_of(path):
    found = [m for m in rules.MODULES if path.startswith(m + "/")]
    return max(found, key=len) if found else None


def matches(path, globs):
    return any(fnmatch.fnmatch(path, g) for g in globs)


def resolve(root, name):
    """Our own headers have one spelling: from the root, or from src/. CMake makes x.h out of x.h.in."""
    for base in ("", "src/"):
        if any(os.path.isfile(os.path.join(root, base + name + made)) for made in ("", ".in")):
            return base + name
    return None


def allowed(module, target):
    if module_of(target) == module:
        return True
    return any(a == "*" or target == a or target.startswith(a + "/") for a in rules.MODULES[module])


def check_own(root, path, module, name):
    target = resolve(root, name)
    if target is None and path.startswith("tests/"):
        target = resolve(os.path.join(root, "tests"), name) and "tests/" + name  # tests/ is a root for tests
    if target is None:
        return f'there is no "{name}" (write it from the root of the tree or from src/; third party in <>)'
    if not path.startswith("tests/") and target.startswith("tests/"):
        return f"product code may not include {name}"
    if not allowed(module, target):
        return f"{module} may not include {name}"
    return None


def check_system(root, path, name):
    if re.fullmatch(r"[a-z_0-9]+", name) or name in rules.SYSTEM or name.startswith(rules.SYSTEM_PREFIXES):
        return None
    homes = [h for h in rules.HOMES if name.startswith(h)]
    if not homes:
        if resolve(root, name):
            return f'<{name}> is ours: write "{name}"'
        return f"<{name}> has no home in tests/lint/rules.py"
    if path.startswith("tests/"):
        return None
    globs = rules.HOMES[max(homes, key=len)]
    if not matches(path, globs):
        return f"<{name}> belongs in {', '.join(globs) or 'tests'}, not in {path}"
    return None


def without_comment(line):
    return re.sub(r'"(\\.|[^"\\])*"', '""', line).split("//")[0]


def check_cpp(root, path, lines):
    module = module_of(path)
    if module is None:
        yield 1, "is in no module of tests/lint/rules.py"
        return
    if path.endswith(".h") and "#pragma once" not in (line.strip() for line in lines):
        yield 1, "has no #pragma once"
    for number, line in enumerate(lines, 1):
        include = INCLUDE.match(line)
        if include:
            name = include.group(2)
            wrong = check_own(root, path, module, name) if include.group(1) == '"' else check_system(root, path, name)
            if wrong:
                yield number, wrong
            continue
        code = without_comment(line)
        if path.endswith(".h") and re.match(r"\s*using namespace\b", code):
            yield number, "no `using namespace` in a header"
        if path.startswith("tests/"):
            continue
        for pattern, (why, where) in rules.FORBIDDEN.items():
            if re.search(pattern, code) and not matches(path, where):
                yield number, why


def check_goldens(root, files):
    """A golden that no test opens proves nothing: a test must name it, its folder, or the beginning of its name
    ("tokenizer_" + model)."""
    tests = "".join(read(root, f) for f in files if f.startswith("tests/") and f.endswith((".cc", ".h")))
    named = set(re.findall(r'"([^"\n]+)"', tests))
    beginnings = tuple(os.path.basename(n) for n in named if n.endswith(("_", ".", "-")) and len(os.path.basename(n)) > 3)
    for f in files:
        if not f.startswith("tests/golden/") or f.endswith((".py", ".md", ".cc", ".h", "CMakeLists.txt")):
            continue
        folder, name = os.path.split(f[len("tests/golden/"):])
        mentioned = any(n == name or n.endswith("/" + name) or n == os.path.splitext(name)[0] for n in named)
        folder_named = folder and any(n.strip("/").endswith(folder) for n in named)
        if not mentioned and not name.startswith(beginnings) and not folder_named:
            yield f, 1, "no test reads this golden"


def check(root):
    """Yields (file, line, message, is_error)."""
    files = tree.files(root)
    for path in files:
        code = path.endswith(tree.CPP)
        script = path.endswith((".py", ".sh", ".cmake", ".js")) or path in ("demo", "check")
        if not code and not script:
            continue
        lines = read(root, path).splitlines()
        if lines and not any("SPDX-License-Identifier: Apache-2.0" in line for line in lines[:40]):
            yield path, 1, "has no line `SPDX-License-Identifier: Apache-2.0`", True
        if len(lines) > rules.WARN_LINES:
            limit = len(lines) > rules.FAIL_LINES
            yield path, len(lines), f"{len(lines)} lines; split it at {rules.WARN_LINES}", limit
        if code:
            for number, message in check_cpp(root, path, lines):
                yield path, number, message, True
    for path, number, message in check_goldens(root, files):
        yield path, number, message, True


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
    errors = 0
    for path, number, message, is_error in check(os.path.abspath(root)):
        errors += is_error
        print(f"{path}:{number}: {'' if is_error else 'warning: '}{message}")
    print(f"layers: {errors} errors")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
