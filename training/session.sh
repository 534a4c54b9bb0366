#!/usr/bin/env bash
# A whole training in four stages of at most nine minutes on one H200 with 16 cores; each can be started again and goes on.
#
#   training/session.sh WORK supervised     data, speech, our own listener, training beside them, figures        ~7 min
#   training/session.sh WORK screen         the items of middle difficulty                                       ~2 min
#   training/session.sh WORK reward         0.8 answer + 0.2 format, and the answer alone; figures of both       ~7 min
#   training/session.sh WORK frames         the adaptor: words, then answers; figures                            ~8 min
#
# Needs PARLEY_MODELS, a parley_hear (HEAR=build-dev/src/bench/parley_hear), flite and espeak-ng. What a stage has finished stands in
# WORK/done. SEED=n makes another run; PYTHON=... another interpreter; INIT=U goes on from an update (frames: an adaptor);
# QUESTIONS=q/manifest.json asks them of the adaptor (tests/bench/spoken_questions.py), SAY=parley_say reads Piper's voice to it, where
# STAGES and STAGE_SECONDS say what is trained; AFTER=f leaves the GPU alone until there is a file f; CORES=n takes so many.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[ $# -eq 2 ] || { sed -n '2,13p' "$0" | sed 's/^# \?//'; exit 2; }
work=$1 stage=$2
python=${PYTHON:-python3} hear=${HEAR:-$here/../build-dev/src/bench/parley_hear} seed=${SEED:-11} cores=${CORES:-$(env -u OMP_NUM_THREADS nproc)}
mkdir -p "$work/done"

# once NAME COMMAND...: what was finished is not done again.
once() {
  local name=$1
  shift
  [ -e "$work/done/$name" ] && return
  echo "== $name"
  "$@" 2>&1 | tee "$work/$name.log"
  touch "$work/done/$name"
}

speech() {  # speech NAME ITEMS SEED MORE...: read aloud, then heard
  local name=$1 items=$2 its_seed=$3
  shift 3
  "$python" "$here/synthesise.py" --out "$work/$name" --items "$items" --seed "$its_seed" --processes "$((cores - 2))" "$@"
  "$hear" "$work/$name/list.jsonl" --json "$work/$name/heard.jsonl" --jobs "$((cores - 2))"
}

second_data() {
  speech heard 900 $((seed + 1))
  (cd "$here" && "$python" heard_talks.py "$work/heard")
  "$python" "$here/make_data.py" --out "$work/d2" --items 500000 --seed $((seed + 2)) --processes "$((cores - 2))" --heard "$work/heard" --heard-share 0.35
  touch "$work/d2/ready"
}

case $stage in
supervised)
  once first_data "$python" "$here/make_data.py" --out "$work/d1" --items 300000 --seed "$seed"
  once second_data second_data & beside=$!
  once train "$python" "$here/train.py" --data "$work/d1" --then "$work/d2" --out "$work/update.safetensors" ${INIT:+--init "$INIT"} \
    --lr 5e-3 --seed "$seed" --seconds 300 --tokens 49000 --checkpoint 60 --compile
  wait "$beside"
  once validation speech validation 240 77 --validation
  once figures "$python" "$here/evaluate.py" --update "$work/update.safetensors" --sets validation,own --validation "$work/validation" \
    --modes listen --bits 4 --out "$work/update.json"
  ;;
screen)  # three at a time: each waits for the core that makes its items
  for n in 1 2 3; do
    once "screen_$n" "$python" "$here/rl.py" screen --update "$work/update.safetensors" --out "$work/pool$n.json" --heard "$work/heard" \
      --items 40000 --seconds 75 --seed $((4 + n)) & screens[n]=$!
  done
  for pid in "${screens[@]}"; do wait "$pid"; done
  ;;
reward)
  for kind in "format 0.8 0.2" "answer_alone 1.0 0.0"; do
    read -r name answer form <<<"$kind"
    once "reward_$name" "$python" "$here/rl.py" reward --update "$work/update.safetensors" --out "$work/$name.safetensors" --pool "$work/pool1.json,$work/pool2.json,$work/pool3.json" \
      --heard "$work/heard" --seconds 150 --checkpoint 40 --answer "$answer" --format "$form"
    once "figures_$name" "$python" "$here/evaluate.py" --update "$work/$name.safetensors" --sets validation,own --validation "$work/validation" \
      --modes listen --bits 4 --out "$work/$name.json"
  done
  ;;
frames)
  more_speech() {  # beside the training, which takes each folder in when it is finished; Piper's voice, ten times as slow, in every third
    local voices=(--voices "flite,espeak")
    [ "$1" -eq 1 ] && [ -n "${SAY:-}" ] && voices=(--say "$SAY")
    for part in $(seq "$1" 3 "${PARTS:-30}"); do
      [ -e "$work/done/adaptor" ] && return
      once "frames_$part" nice -n 5 "$python" "$here/synthesise.py" --out "$work/frames/$part" --items 700 --seed $((${SPEECH_SEED:-7000} + part)) \
        --practice "${PRACTICE:-0.35}" --more navigate=24 --prepare 2 --processes "$(((cores + 1) / 3))" "${voices[@]}"
    done
  }
  for chain in 1 2 3; do more_speech "$chain" & done
  while [ -n "${AFTER:-}" ] && [ ! -e "$AFTER" ]; do sleep 1; done
  # shellcheck disable=SC2086
  once adaptor "$python" "$here/adaptor.py" ${STAGES:-words frozen answers} --data "$work/frames" --update "$here/../models/nano/update.safetensors" \
    --out "$work/adaptor" --variants 2 --seconds "${STAGE_SECONDS:-160,70,150}" --batch 128 --rank 8 --least "${LEAST:-3000}" --checkpoint 20 \
    ${INIT:+--init "$INIT"} ${QUESTIONS:+--questions "$QUESTIONS"}
  wait
  ;;
*) echo "there is no stage \"$stage\": supervised, screen, reward, frames" >&2 && exit 2 ;;
esac
