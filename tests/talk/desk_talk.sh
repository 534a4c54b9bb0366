#!/usr/bin/env bash
# A talk at a desk, run inside of sound_server.sh: asks a question aloud and, when there is an interruption, speaks it into the answer.
#   desk_talk.sh PARLEY OUT QUESTION INTERRUPTION|- [OPTIONS of parley talk…]
# Leaves in OUT: talk.txt and error.txt (what the program printed), spk.raw (what the loudspeaker played, 16 kHz, 16
# bit), record/ (its own recording), status.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
parley=$1 out=$2 question=$3 interruption=$4
shift 4

# seen N PATTERN SECONDS: waits until so many lines of the program match.
seen() {
  local end=$((SECONDS + $3))
  until [ "$(grep -c "$2" "$out/talk.txt" || true)" -ge "$1" ]; do
    kill -0 "$talk" 2>/dev/null || { echo "parley has ended:" >&2; cat "$out/talk.txt" "$out/error.txt" >&2; exit 1; }
    [ "$SECONDS" -lt "$end" ] || { echo "no $1 lines with \"$2\" after $3 s:" >&2; cat "$out/talk.txt" "$out/error.txt" >&2; exit 1; }
    sleep 0.05
  done
}

mkdir -p "$out"
"$parley" talk --record "$out/record" "$@" >"$out/talk.txt" 2>"$out/error.txt" </dev/null &
talk=$!
recorder=
trap 'kill "$talk" $recorder 2>/dev/null || true' EXIT
seen 1 "parley listens" 120
parec -d spk.monitor --rate=16000 --channels=1 --format=s16le --latency-msec=20 >"$out/spk.raw" &
recorder=$!
paplay -d feed "$question"
if [ "$interruption" = - ]; then
  seen 1 "from your last word to its first sound" 120
else
  seen 1 "first sound of the answer" 120
  paplay -d feed "$interruption"
  seen 1 "interrupt after" 120
  seen 2 "first sound of the answer" 120
fi
kill -TERM "$talk"
status=0
wait "$talk" || status=$?
echo "$status" >"$out/status"
