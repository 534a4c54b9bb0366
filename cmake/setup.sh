# What ./demo and ./check have in common: packages, what the build needs, building. Sourced by both; every step says what
# it does and does nothing when it is done already.
# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0

PACKAGES_BUILD=(
  g++ cmake ninja-build pkg-config python3 ca-certificates
  libboost-dev libcli11-dev libcurl4-openssl-dev flite1-dev libkissfft-dev libopus-dev
  libopusenc-dev libopusfile-dev portaudio19-dev libsndfile1-dev libspdlog-dev libspeexdsp-dev libssl-dev libutf8proc-dev libwebsockets-dev
  libyaml-cpp-dev libzip-dev nlohmann-json3-dev
)
# PipeWire and what talks to it: `parley talk` is tested on a sound server of the test's own.
PACKAGES_CHECK=(
  libgtest-dev libbenchmark-dev clang-format-14 nodejs python3-venv
  pipewire pipewire-pulse wireplumber pulseaudio-utils libasound2-plugins dbus
)
# The page is tested in a real browser: 131 MB to fetch, 435 MB installed. Ubuntu has Chromium as a snap only; there the
# browser tests say that they are skipped, or use what PARLEY_CHROME and PARLEY_CHROMEDRIVER name.
if grep -q '^ID=debian' /etc/os-release 2>/dev/null; then PACKAGES_CHECK+=(chromium chromium-driver); fi
PACKAGES_FULL=(clang clang-tidy-14 debootstrap git)

say() { printf '%s\n' "$*"; }
step() { printf '\n== %s\n' "$*"; }
fail() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

missing_packages() {
  local package
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || printf '%s ' "$package"
  done
}

# install_packages NAME…: those that are missing, by apt.
install_packages() {
  command -v apt-get >/dev/null || fail "needs apt-get (Debian 12 or Ubuntu 24.04); elsewhere install: $*"
  local missing root=()
  missing=$(missing_packages "$@")
  if [ -z "$missing" ]; then
    say "all ${#} packages are there"
    return
  fi
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || fail "missing packages and no sudo; as root: apt-get install $missing"
    root=(sudo)
  fi
  say "installing: $missing"
  local apt=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=600)
  # A mirror that fails is only fatal if the packages cannot be had.
  "${apt[@]}" update >/dev/null || say "apt-get update had errors; trying with what is known"
  # shellcheck disable=SC2086  # a list of names
  "${apt[@]}" install -y --no-install-recommends $missing >/dev/null ||
    fail "apt-get cannot install: $missing (on Ubuntu, is the universe component on?)"
}

# As many compilers at once as cores and memory allow: one takes up to 1.2 GB.
build_jobs() {
  local cores memory
  cores=$(nproc)
  memory=$(awk '/^MemAvailable/ { print int($2 / 1200000) }' /proc/meminfo)
  [ "${memory:-1}" -lt 1 ] && memory=1
  [ "$memory" -lt "$cores" ] && cores=$memory
  printf '%s' "$cores"
}

fetch_build_deps() { python3 models/fetch_build_deps.py || fail "cannot fetch what the build needs"; }

# build PRESET FOLDER [TARGET…]
build() {
  local preset=$1 folder=$2
  shift 2
  # The folder keeps the log of the last configuring, which is only of interest when it fails.
  mkdir -p "$folder"
  cmake --preset "$preset" >"$folder/configure.log" 2>&1 || {
    tail -n 30 "$folder/configure.log" >&2
    fail "cmake --preset $preset failed; the whole log is in $folder/configure.log"
  }
  local jobs
  jobs=$(build_jobs)
  say "building into $folder with $jobs jobs"
  NINJA_STATUS='[%f/%t %es] ' cmake --build "$folder" -j "$jobs" "${@/#/--target=}" || fail "the build failed"
}

# fetch_models PROGRAM: the default models, each file checked against the manifest.
fetch_models() { "$1" models fetch || fail "the models could not be fetched; run the same command again, it goes on"; }
