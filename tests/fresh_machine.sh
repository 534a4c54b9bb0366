#!/usr/bin/env bash
# Proves that both README commands work on a bare machine: makes a root with nothing but git, python3 and apt, clones the
# committed state of this tree into it, and runs ./demo twice and ./check there, with times.
#   tests/fresh_machine.sh bookworm|noble [--demo-only] [--keep]
# Needs root (chroot, mount) and debootstrap. The mirror is the one this machine uses, or $FRESH_MIRROR; proxy, pip and
# certificate settings are passed on.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail

say() { printf '%s\n' "$*"; }
fail() { printf 'fresh_machine: %s\n' "$*" >&2; exit 1; }

suite=${1:-}
demo_only=
keep=
for option in "${@:2}"; do
  case $option in
    --demo-only) demo_only=1 ;;
    --keep) keep=1 ;;
    *) fail "unknown option $option" ;;
  esac
done
source_tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

[ "$(id -u)" = 0 ] || fail "needs root, for chroot and mount"
command -v debootstrap >/dev/null || fail "needs debootstrap: apt-get install debootstrap"

# Mounts live in a namespace of our own: they go away with us, whatever happens.
if [ -z "${FRESH_INNER:-}" ]; then
  exec env FRESH_INNER=1 unshare --mount --propagation private "$source_tree/tests/fresh_machine.sh" "$@"
fi

mirror_of_this_machine() {  # the first one of this distribution in /etc/apt, if there is one
  cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
    sed -n "/^#/d; s|.*\(https\?://[^ ]*/$1\)\(/\?\)\( .*\)\?\$|\1|p" | head -n 1 || true
}
case $suite in
  bookworm)
    mirror=${FRESH_MIRROR:-$(mirror_of_this_machine debian)}
    mirror=${mirror:-http://deb.debian.org/debian}
    components=main
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    ;;
  noble)
    mirror=${FRESH_MIRROR:-$(mirror_of_this_machine ubuntu)}
    mirror=${mirror:-http://archive.ubuntu.com/ubuntu}
    components=main,universe
    keyring=/usr/share/keyrings/ubuntu-archive-keyring.gpg
    ;;
  *) fail "usage: tests/fresh_machine.sh bookworm|noble [--demo-only] [--keep]" ;;
esac
python3 - "$mirror/dists/$suite/InRelease" <<'END' || fail "the mirror $mirror cannot be reached: nothing was tested"
import sys, urllib.request
urllib.request.urlopen(sys.argv[1], timeout=60).read(100)
END

machine=$(mktemp -d "${TMPDIR:-/var/tmp}/parley_fresh_$suite.XXXXXX")
chmod 755 "$machine"
leave() {
  for mounted in proc dev; do
    umount -l "$machine/$mounted" 2>/dev/null || true
  done
  if [ -n "$keep" ]; then say "kept: $machine"; else rm -rf --one-file-system "$machine"; fi
}
trap leave EXIT

say "== a bare $suite in $machine, from $mirror"
trust=(--keyring="$keyring")
if [ ! -f "$keyring" ]; then
  say "no keys of this distribution here ($keyring): debootstrap does not check signatures; apt inside the root does"
  trust=(--no-check-gpg)
fi
script=()
[ -e "/usr/share/debootstrap/scripts/$suite" ] || script=(/usr/share/debootstrap/scripts/gutsy)
debootstrap --variant=minbase "${trust[@]}" --components="$components" \
  --include=git,python3,ca-certificates "$suite" "$machine" "$mirror" "${script[@]}" >"$machine.log" 2>&1 ||
  { tail -n 20 "$machine.log" >&2; fail "debootstrap failed; log in $machine.log"; }
rm -f "$machine.log"

mount -t proc proc "$machine/proc"
mount --rbind /dev "$machine/dev"
cp -L /etc/resolv.conf "$machine/etc/resolv.conf"
for conf in /etc/pip.conf /etc/apt/apt.conf.d/*proxy*; do
  [ -f "$conf" ] && install -D -m 644 "$conf" "$machine$conf"
done
if compgen -G '/usr/local/share/ca-certificates/*.crt' >/dev/null; then
  cp /usr/local/share/ca-certificates/*.crt "$machine/usr/local/share/ca-certificates/"
  chroot "$machine" update-ca-certificates >/dev/null 2>&1
fi
git -c safe.directory='*' clone -q "file://$source_tree" "$machine/parley"

inside() {  # what a user types, with the settings a user of this machine would have
  local settings=(HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 TERM="${TERM:-dumb}") name
  for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY PIP_INDEX_URL PIP_EXTRA_INDEX_URL; do
    [ -n "${!name:-}" ] && settings+=("$name=${!name}")
  done
  chroot "$machine" env -i "${settings[@]}" bash -c "cd /parley && $1"
}
times=()
timed() {  # timed NAME COMMAND
  say ""
  say "== $suite: $1"
  local begin=$SECONDS
  inside "$2" || fail "$suite: $1 failed after $((SECONDS - begin)) s"
  times+=("$1: $((SECONDS - begin)) s")
}

timed "./demo, first time" ./demo
timed "./demo, again" ./demo
[ -n "$demo_only" ] || timed "./check" ./check

say ""
say "== $suite: all done"
printf '%s\n' "${times[@]}"
