#!/usr/bin/env bash
# Builds what the GPU's tests and benches need, and runs them, on a machine that has CUDA, a C++20 compiler, CMake, ninja,
# spdlog, yaml-cpp, nlohmann-json and GoogleTest; nothing of OpenVINO, Opus, PortAudio or libwebsockets is asked for.
#   tests/gpu.sh [tests] [products] [bench] [peers] [greedy] [loading]      the first three when none is named
# Results go to ${PARLEY_GPU_OUT:-build-gpu}: tests.txt, products.txt, bench.jsonl, peers.jsonl, greedy.jsonl, loading.jsonl. `peers` runs a
# PyTorch decoder and an encoder of the same shapes on the last GPU, and NCCL's sum where there are two; `greedy` decodes folders of
# transformers beside it; `loading` writes 17 GB. Both write into ${PARLEY_GPU_SCRATCH:-/tmp}, once.
# SPDX-License-Identifier: Apache-2.0
set -uo pipefail
cd "$(dirname "$0")/.."
build=build-gpu
out=${PARLEY_GPU_OUT:-$build}
mkdir -p "$out"
wanted=" ${*:-tests products bench} "
gpus=$(nvidia-smi --list-gpus 2>/dev/null | wc -l)
[[ -n ${CUDA_VISIBLE_DEVICES:-} ]] && gpus=$(tr ',' '\n' <<<"$CUDA_VISIBLE_DEVICES" | wc -l)
failed=0

if [[ $wanted == *" peers "* ]]; then
  : >"$out/peers.jsonl"
  (
    device=$((gpus - 1))
    [[ -n ${CUDA_VISIBLE_DEVICES:-} ]] && device=$(tr ',' '\n' <<<"$CUDA_VISIBLE_DEVICES" | tail -1)
    export CUDA_VISIBLE_DEVICES=$device
    timeout 70 python3 tests/bench/peers/torch_decoder.py --prefill 50 128 512 2048 >>"$out/peers.jsonl" 2>"$out/peers_errors.txt"
    for mode in eager graph; do
      timeout 40 python3 tests/bench/peers/torch_encoder.py --mode $mode >>"$out/peers.jsonl" 2>>"$out/peers_errors.txt"
    done
    timeout 130 python3 tests/bench/peers/torch_decoder.py --mode compile >>"$out/peers.jsonl" 2>>"$out/peers_errors.txt"
  ) &
  peers=$!
fi

cmake -S . -B $build -G Ninja -DCMAKE_BUILD_TYPE=Release -DPARLEY_CUDA=ON -DPARLEY_GPU_ONLY=ON \
  -DCMAKE_CUDA_ARCHITECTURES=90a >"$out/build.txt" 2>&1 || { tail -30 "$out/build.txt"; exit 1; }
cmake --build $build -j "$(nproc)" >>"$out/build.txt" 2>&1 || { grep -A6 -m5 'error' "$out/build.txt"; exit 1; }
echo "built"

bench() { # arguments of parley_bench_gpu
  timeout 60 $build/src/bench/parley_bench_gpu --json "$@" >>"$out/bench.jsonl" 2>>"$out/bench_errors.txt" || failed=1
}

if [[ $wanted == *" bench "* ]]; then
  : >"$out/bench.jsonl"
  for storage in bf16 fp8; do bench --storage $storage; done
  bench --geometry step-audio-2-mini
  bench --ears --parts
fi
if [[ $wanted == *" tests "* ]]; then
  timeout 120 $build/tests/gpu/parley_gpu_test >"$out/tests.txt" 2>&1 || failed=1
  tail -12 "$out/tests.txt"
  timeout 60 $build/tests/gpu/parley_gpu_failure_test >"$out/failure_tests.txt" 2>&1 || failed=1
  tail -4 "$out/failure_tests.txt"
fi
if [[ $wanted == *" products "* ]]; then
  timeout 60 $build/tests/gpu/cuda_products >"$out/products.txt" 2>&1 || failed=1
  tail -2 "$out/products.txt"
fi
if [[ -n ${peers:-} ]]; then
  wait "$peers"
  if [[ -x $build/tests/gpu/nccl_peer ]] && ((gpus > 1)); then
    timeout 60 $build/tests/gpu/nccl_peer >"$out/nccl.txt" 2>&1 || failed=1
  fi
fi
if [[ $wanted == *" greedy "* ]]; then
  devices=(cpu 0)
  ((gpus > 1)) && devices+=(0,1)
  timeout 120 python3 tests/gpu/greedy.py --program $build/tests/gpu/cuda_greedy --work "${PARLEY_GPU_SCRATCH:-/tmp}/parley-greedy" \
    --devices "${devices[@]}" >"$out/greedy.jsonl" || failed=1
  cat "$out/greedy.jsonl"
fi
if [[ $wanted == *" loading "* ]]; then
  scratch=${PARLEY_GPU_SCRATCH:-/tmp}/parley-synthetic-mini
  [[ -e $scratch/config.json ]] || timeout 300 $build/tests/gpu/cuda_loading write "$scratch" || failed=1
  : >"$out/loading.jsonl"
  for storage in bf16 fp8; do
    timeout 120 $build/tests/gpu/cuda_loading read "$scratch" $storage >>"$out/loading.jsonl" || failed=1
  done
  cat "$out/loading.jsonl"
fi
if [[ $wanted == *" bench "* ]]; then
  if ((gpus > 1)); then
    for storage in bf16 fp8; do bench --storage $storage --devices 0,1; done
  fi
  cat "$out/bench.jsonl"
fi
exit $failed
