#!/usr/bin/env bash
# Builds what the GPU's tests and benches need, and runs them, on a machine that has CUDA, a C++20 compiler, CMake, ninja,
# spdlog, yaml-cpp, nlohmann-json and GoogleTest; nothing of OpenVINO, Opus, PortAudio or libwebsockets is asked for.
#   tests/gpu.sh [tests] [products] [bench] [GEOMETRY]      all of them when none is named
# Results go to ${PARLEY_GPU_OUT:-build-gpu}: tests.txt, products.txt, bench.jsonl.
# SPDX-License-Identifier: Apache-2.0
set -uo pipefail
cd "$(dirname "$0")/.."
build=build-gpu
out=${PARLEY_GPU_OUT:-$build}
mkdir -p "$out"
wanted=" ${*:-tests products bench} "
failed=0

cmake -S . -B $build -G Ninja -DCMAKE_BUILD_TYPE=Release -DPARLEY_CUDA=ON -DPARLEY_GPU_ONLY=ON \
  -DCMAKE_CUDA_ARCHITECTURES=90a >"$out/build.txt" 2>&1 || { tail -30 "$out/build.txt"; exit 1; }
cmake --build $build -j "$(nproc)" >>"$out/build.txt" 2>&1 || { grep -A6 -m5 'error' "$out/build.txt"; exit 1; }
echo "built"

if [[ $wanted == *" tests "* ]]; then
  timeout 300 $build/tests/gpu/parley_gpu_test >"$out/tests.txt" 2>&1 || failed=1
  tail -12 "$out/tests.txt"
fi
if [[ $wanted == *" products "* ]]; then
  timeout 150 $build/tests/gpu/cuda_products >"$out/products.txt" 2>&1 || failed=1
  tail -2 "$out/products.txt"
fi
if [[ $wanted == *" bench "* ]]; then
  : >"$out/bench.jsonl"
  for storage in bf16 fp8; do
    timeout 150 $build/src/bench/parley_bench_gpu --storage $storage --json >>"$out/bench.jsonl" 2>>"$out/bench_errors.txt" || failed=1
  done
  cat "$out/bench.jsonl"
fi
exit $failed
