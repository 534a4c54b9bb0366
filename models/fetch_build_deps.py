#!/usr/bin/env python3
"""Fetches what the build itself needs (the `build` part of manifest.json) and unpacks it. Python's standard library
only, nothing is installed. Downloads resume; what is there and whole already is not touched.

  models/fetch_build_deps.py [DIR]     DIR: $PARLEY_DEPS_DIR, else .deps in the root of the tree

The package index is the one pip is configured for (PIP_INDEX_URL, pip.conf), else https://pypi.org/simple.
SPDX-License-Identifier: Apache-2.0
"""
import base64
import configparser
import fnmatch
import hashlib
import html.parser
import json
import os
import re
import shutil
import ssl
import sys
import time
import urllib.parse
import urllib.request
import zipfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ATTEMPTS = 6
PAUSE_S = 0.25
STALL_S = 60
STAMP = "parley.json"  # what was unpacked, and from which wheel


class Refused(Exception):
    """Said as it is, without a traceback."""


def say(text, end="\n"):
    print(text, end=end, file=sys.stderr, flush=True)


def pip_settings(env):
    """pip's own order: machine, user, virtual environment, the file of PIP_CONFIG_FILE, then PIP_*."""
    home = os.path.expanduser("~")
    files = ["/etc/xdg/pip/pip.conf", "/etc/pip.conf", f"{home}/.pip/pip.conf",
             f"{env.get('XDG_CONFIG_HOME') or home + '/.config'}/pip/pip.conf"]
    if env.get("VIRTUAL_ENV"):
        files.append(f"{env['VIRTUAL_ENV']}/pip.conf")
    if env.get("PIP_CONFIG_FILE"):
        files.append(env["PIP_CONFIG_FILE"])
    settings = {}
    if env.get("PIP_CONFIG_FILE") != os.devnull:
        for name in files:
            parser = configparser.RawConfigParser(strict=False)
            try:
                parser.read(name)
            except configparser.Error:
                continue
            for section in ("global", "install", "download"):
                if parser.has_section(section):
                    settings.update({k.lstrip("-").replace("_", "-"): v for k, v in parser.items(section)})
    for key in ("index-url", "extra-index-url", "cert", "proxy"):
        value = env.get("PIP_" + key.upper().replace("-", "_"))
        if value is not None:
            settings[key] = value
    return settings


def printable(url):
    """Without user and password."""
    return re.sub(r"(://)[^/@]*@", r"\1", url)


class Web:
    def __init__(self, settings):
        context = ssl.create_default_context(cafile=settings.get("cert") or None)
        handlers = [urllib.request.HTTPSHandler(context=context)]
        if settings.get("proxy"):
            handlers.append(urllib.request.ProxyHandler({"http": settings["proxy"], "https": settings["proxy"]}))
        self.opener = urllib.request.build_opener(*handlers)

    def open(self, url, headers):
        parts = urllib.parse.urlsplit(url)
        headers = {"User-Agent": "parley", **headers}
        if parts.username is not None:  # urllib does not take them from the URL
            pair = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
            url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        return self.opener.open(urllib.request.Request(url, headers=headers), timeout=STALL_S)


class Links(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found += [value for name, value in attrs if tag == "a" and name == "href" and value]


def links(page, content_type):
    """[(file name, link)] of a project page, in JSON (PEP 691) or HTML (PEP 503)."""
    if "json" in content_type:
        return [(f["filename"], f["url"]) for f in json.loads(page)["files"]]
    parser = Links()
    parser.feed(page.decode("utf-8", "replace"))
    plain = [urllib.parse.urldefrag(link).url for link in parser.found]
    return [(urllib.parse.unquote(link.split("?")[0].rsplit("/", 1)[-1]), link) for link in plain]


def find(web, settings, package, file):
    name = re.sub(r"[-_.]+", "-", package).lower()
    indexes = [settings.get("index-url") or "https://pypi.org/simple", *settings.get("extra-index-url", "").split()]
    tried = []
    for index in indexes:
        url = f"{index.rstrip('/')}/{name}/"
        try:
            accept = "application/vnd.pypi.simple.v1+json, text/html;q=0.1"
            with web.open(url, {"Accept": accept}) as answer:
                for candidate, link in links(answer.read(), answer.headers.get("Content-Type", "")):
                    if candidate == file:
                        return urllib.parse.urljoin(answer.url, link)
            tried.append(f"{printable(url)} does not offer {file}")
        except (OSError, ValueError, KeyError) as error:
            tried.append(f"{printable(url)}: {error}")
    raise Refused("; ".join(tried) + ". Check the network, a proxy (https_proxy) or a mirror (PIP_INDEX_URL).")


def sha256_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as f:
        for block in iter(lambda: f.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def download_once(web, url, partial, size):
    have = os.path.getsize(partial) if os.path.exists(partial) else 0
    if have == size:
        return
    if have > size:
        have = 0
    with web.open(url, {"Range": f"bytes={have}-"} if have else {}) as answer:
        resumed = answer.status == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        have = have if resumed else 0
        shown = time.monotonic()
        with open(partial, "ab" if resumed else "wb") as out:
            for block in iter(lambda: answer.read(1 << 18), b""):
                have += len(block)
                if have > size:
                    raise Refused(f"{printable(url)} sends more than the {size} bytes the manifest says")
                out.write(block)
                if time.monotonic() - shown > 2:
                    shown = time.monotonic()
                    say(f"  {have / 1e6:.0f} of {size / 1e6:.0f} MB")
    if have < size:
        raise OSError(f"the connection ended after {have} of {size} bytes")


def download_all(web, url, partial, size):
    """As many attempts as it takes while each brings something; otherwise a few."""
    left = ATTEMPTS
    while True:
        before = os.path.getsize(partial) if os.path.exists(partial) else 0
        try:
            return download_once(web, url, partial, size)
        except OSError as error:  # urllib's errors are OSErrors
            code = getattr(error, "code", 0)
            if code == 416:
                os.remove(partial)  # longer than the server's file: no beginning of it
            elif 400 <= code < 500 and code not in (408, 429):
                raise Refused(f"{printable(url)}: {error}") from error
            grown = os.path.exists(partial) and os.path.getsize(partial) > before
            left = ATTEMPTS if grown else left - 1
            if left == 0:
                raise Refused(f"cannot download {printable(url)}: {error}. Run the same command again: it goes on "
                              "where it stopped.") from error
            say(f"  {error}; trying again")
            time.sleep(PAUSE_S * 2 ** (ATTEMPTS - left))


def download(web, url, path, source):
    """Until the whole file is there with the right hash. A wrong one is refused, unless it was resumed: then what was
    there may have been another file, and it is fetched once more from its first byte."""
    partial = path + ".part"
    resumed = os.path.exists(partial)
    for last in (not resumed, True):
        download_all(web, url, partial, source["size"])
        found = sha256_of(partial)
        if found == source["sha256"]:
            os.replace(partial, path)
            return
        os.remove(partial)
        if last:
            raise Refused(f"{printable(url)} has SHA-256 {found}, expected {source['sha256']}: refused, nothing kept")


def complete(target, source):
    """Whether an earlier run unpacked this very wheel and every file is still there."""
    try:
        with open(os.path.join(target, STAMP)) as f:
            known = json.load(f)
        return known["sha256"] == source["sha256"] and all(
            os.path.getsize(os.path.join(target, name)) == size for name, size in known["files"].items())
    except (OSError, ValueError, KeyError):
        return False


def place_of(member, name):
    """openvino/libs/x -> libs/x; openvino-1.dist-info/licenses/x -> licenses/x; None: not below either."""
    top, _, rest = member.partition("/")
    if top.endswith(".dist-info"):
        return rest if rest.startswith("licenses/") else None
    return rest if top == name and ".." not in rest.split("/") else None


def unpack(wheel, item, target, source):
    """Into a new folder beside the old one, which it then replaces."""
    fresh = target + ".new"
    shutil.rmtree(fresh, ignore_errors=True)
    files = {}
    with zipfile.ZipFile(wheel) as archive:
        for info in archive.infolist():
            place = place_of(info.filename, item["name"])
            if info.is_dir() or not place or not any(fnmatch.fnmatch(info.filename, p) for p in item["unpack"]):
                continue
            path = os.path.join(fresh, place)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with archive.open(info) as member, open(path, "wb") as out:  # checks the CRC
                shutil.copyfileobj(member, out, 1 << 20)
            files[place] = info.file_size
    with open(os.path.join(fresh, STAMP), "w") as f:
        json.dump({"sha256": source["sha256"], "files": files}, f)
    if os.path.islink(target):
        os.remove(target)
    shutil.rmtree(target, ignore_errors=True)
    os.replace(fresh, target)


def provide(web, settings, item, deps):
    source = item["sources"]["wheel"]
    target = os.path.join(deps, item["name"])
    if complete(target, source):
        say(f"{item['name']} {item['version']}: already there")
        return
    need = source["size"] * 4
    free = shutil.disk_usage(deps).free
    if free < need:
        raise Refused(f"{item['name']} needs {need / 1e6:.0f} MB in {deps}, {free / 1e6:.0f} MB are free")
    wheel = os.path.join(deps, source["file"])
    if not os.path.exists(wheel) or sha256_of(wheel) != source["sha256"]:
        say(f"{item['name']} {item['version']}: downloading {source['size'] / 1e6:.0f} MB")
        download(web, find(web, settings, source["pypi"], source["file"]), wheel, source)
    say(f"{item['name']} {item['version']}: unpacking")
    unpack(wheel, item, target, source)
    os.remove(wheel)


def main():
    deps = os.path.abspath(sys.argv[1] if len(sys.argv) > 1
                           else os.environ.get("PARLEY_DEPS_DIR") or os.path.join(ROOT, ".deps"))
    if os.path.islink(deps):
        say(f"{deps} is a link of yours to {os.path.realpath(deps)}: left as it is")
        return 0
    with open(os.path.join(ROOT, "models", "manifest.json"), encoding="utf-8") as f:
        manifest = json.load(f)
    os.makedirs(deps, exist_ok=True)
    settings = pip_settings(os.environ)
    web = Web(settings)
    for item in manifest["build"]:
        provide(web, settings, item, deps)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Refused as refused:
        say(f"fetch_build_deps: {refused}")
        sys.exit(1)
    except KeyboardInterrupt:
        say("interrupted; the next run goes on from here")
        sys.exit(130)
