#!/usr/bin/env python3
"""Makes the virtual environment of the client tests: setup.py DIR. Does nothing when it is there already.

Wheels come from PyPI through pip's own cache; requirements.txt pins every one of them.
SPDX-License-Identifier: Apache-2.0
"""
import hashlib
import pathlib
import subprocess
import sys
import venv

HERE = pathlib.Path(__file__).resolve().parent


def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    wanted = HERE / "requirements.txt"
    digest = hashlib.sha256(wanted.read_bytes() + sys.version.encode()).hexdigest()
    stamp = folder / "installed"
    if stamp.exists() and stamp.read_text() == digest:
        print(f"the clients are in {folder}")
        return
    print(f"installing the clients into {folder} (131 MB to fetch)", flush=True)
    venv.create(folder, with_pip=True, clear=True)
    pip = [str(folder / "bin/python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-compile",
           "--no-deps", "--timeout", "30", "-r", str(wanted)]
    if subprocess.run(pip).returncode != 0:
        sys.exit("the clients could not be installed from PyPI (what pip said is above); run it again")
    stamp.write_text(digest)


if __name__ == "__main__":
    main()
