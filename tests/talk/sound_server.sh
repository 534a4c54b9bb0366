#!/usr/bin/env bash
# Runs a command beside a sound server of its own: PipeWire with two null sinks, `spk` (the default loudspeaker) and
# `feed`, whose monitor is the default microphone. Needs no sound hardware and no rights; everything ends with the command.
#   sound_server.sh COMMAND…
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail

if [ -z "${PARLEY_SOUND_SERVER:-}" ]; then # outside of the session bus
  missing=()
  need() { command -v "$1" >/dev/null || missing+=("$2"); }
  need pipewire pipewire
  need pipewire-pulse pipewire-pulse
  need wireplumber wireplumber
  need pactl pulseaudio-utils
  need dbus-run-session dbus
  [ -n "$(find /usr/lib -name 'libasound_module_pcm_pulse.so' -print -quit 2>/dev/null)" ] || missing+=(libasound2-plugins)
  if [ "${#missing[@]}" -gt 0 ]; then
    echo "sound_server.sh: missing packages: ${missing[*]}; install them with apt-get, or run ./check, which does" >&2
    exit 1
  fi
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  mkdir -m 700 "$work/run"
  printf 'pcm.!default { type pulse }\nctl.!default { type pulse }\n' >"$work/.asoundrc"
  # A sink that goes takes its streams along, as a device does that is unplugged; else they would be moved to another.
  mkdir -p "$work/config/pipewire/pipewire-pulse.conf.d"
  echo 'stream.properties = { node.dont-reconnect = true }' >"$work/config/pipewire/pipewire-pulse.conf.d/streams.conf"
  # The models stay where they are though the home is another.
  export PARLEY_MODELS="${PARLEY_MODELS:-$HOME/.cache/parley/models}"
  export HOME="$work" XDG_RUNTIME_DIR="$work/run" XDG_CONFIG_HOME="$work/config" PARLEY_SOUND_SERVER=1
  unset PULSE_SERVER DISPLAY
  dbus-run-session -- "$0" "$@"
  exit
fi

pids=()
stop() {
  for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
    kill "${pids[i]}" 2>/dev/null || true
    wait "${pids[i]}" 2>/dev/null || true
  done
}
trap stop EXIT

# until SECONDS COMMAND…: again and again until it succeeds.
until_it() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || { echo "sound_server.sh: gave up waiting for: $*" >&2; exit 1; }
    sleep 0.1
  done
}

start() {
  "$1" 2>"$XDG_RUNTIME_DIR/$1.log" &
  pids+=($!)
}
start pipewire
until_it 20 test -S "$XDG_RUNTIME_DIR/pipewire-0"
start wireplumber
start pipewire-pulse
export PARLEY_SOUND_DAEMON=${pids[-1]} # whoever wants to see it go away
until_it 20 pactl info
until_it 20 pactl load-module module-null-sink media.class=Audio/Sink sink_name=spk channels=1 channel_map=mono
until_it 20 pactl load-module module-null-sink media.class=Audio/Sink sink_name=feed channels=1 channel_map=mono
until_it 20 pactl set-default-sink spk
until_it 20 pactl set-default-source feed.monitor
until_it 20 sh -c 'pactl info | grep -q "Default Source: feed.monitor"'
status=0
"$@" || status=$?
exit "$status"
