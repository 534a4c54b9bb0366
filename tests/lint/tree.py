"""The files of the tree that lint looks at.
SPDX-License-Identifier: Apache-2.0
"""
import os
import subprocess

CPP = (".h", ".cc", ".cu", ".cuh")


def files(root):
    """Paths relative to root: what git tracks or would track; without git, everything that is not built."""
    try:
        listed = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard", "-z"], check=True,
                                capture_output=True).stdout.decode()
        found = {f for f in listed.split("\0") if f and os.path.isfile(os.path.join(root, f))}
        if found:
            return sorted(found)
    except (OSError, subprocess.CalledProcessError):
        pass
    found = []
    for folder, dirs, names in os.walk(root):
        dirs[:] = [d for d in dirs if not d.startswith((".", "build"))]
        found += [os.path.relpath(os.path.join(folder, n), root) for n in names]
    return sorted(found)
