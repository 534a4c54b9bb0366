// How fast a checkpoint comes from the disk to GPUs, beside how fast the disk can be read at all, both without a page of it
// in memory before; and how much memory of its own the process took while it loaded.
//   cuda_loading write DIR [GEOMETRY]            a synthetic checkpoint (step-audio-2-mini: 16.6 GB), as `parley models synth`
//   cuda_loading read DIR [bf16|fp8] [0,1]       one JSON line
// Thread:   one, and four that read.
// Memory:   the model on the GPUs.
// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "kernels/cuda_devices.h"
#include "model/decoder.h"
#include "model/parallel_decoder.h"
#include "weights/checkpoint.h"
#include "weights/synthetic.h"

namespace parley {
namespace {

constexpr size_t kBlock = size_t{8} << 20;
constexpr int kReaders = 4;

[[noreturn]] void Die(const std::string& why) {
  std::fprintf(stderr, "cuda_loading: %s\n", why.c_str());
  std::exit(1);
}

std::vector<std::string> Shards(const std::string& dir) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(dir)) {
    if (entry.path().extension() == ".safetensors") files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  if (files.empty()) Die(dir + ": no *.safetensors");
  return files;
}

double Seconds(std::chrono::steady_clock::time_point since) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - since).count();
}

// The kernel forgets what it has of the files.
void Forget(const std::vector<std::string>& files) {
  for (const std::string& file : files) {
    const int fd = ::open(file.c_str(), O_RDONLY);
    if (fd < 0) Die("cannot open " + file);
    ::fsync(fd);
    ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    ::close(fd);
  }
}

// GB/s of several threads that read blocks past the page cache.
double DiskSpeed(const std::vector<std::string>& files) {
  std::atomic<uint64_t> bytes = 0;
  const auto begin = std::chrono::steady_clock::now();
  for (const std::string& file : files) {
    const int fd = ::open(file.c_str(), O_RDONLY | O_DIRECT);
    if (fd < 0) Die("cannot open " + file + " past the page cache");
    std::atomic<uint64_t> next = 0;
    std::vector<std::jthread> readers;
    for (int i = 0; i < kReaders; ++i) {
      readers.emplace_back([&] {
        const std::unique_ptr<void, void (*)(void*)> block(std::aligned_alloc(4096, kBlock),
                                                           std::free);
        for (;;) {
          const ssize_t got =
              ::pread(fd, block.get(), kBlock, static_cast<off_t>(next.fetch_add(kBlock)));
          if (got < 0) Die("reading " + file);
          if (got == 0) return;
          bytes += static_cast<uint64_t>(got);
        }
      });
    }
    readers.clear();
    ::close(fd);
  }
  return static_cast<double>(bytes) * 1e-9 / Seconds(begin);
}

// Memory that is no file's, in GB.
double OwnMemory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssAnon:")) return std::atof(line.c_str() + 8) * 1.024e-6;
  }
  return 0.0;
}

int Write(const std::string& dir, const std::string& name) {
  auto geometry = weights::SyntheticGeometry::Named(name);
  if (!geometry) Die(geometry.error().message);
  const Status written = weights::WriteSynthetic(dir, {.geometry = *geometry});
  if (!written) Die(written.error().message);
  return 0;
}

int Read(const std::string& dir, kernels::Storage storage, const std::vector<int>& devices) {
  const auto files = Shards(dir);
  Forget(files);
  const double disk = DiskSpeed(files);
  Forget(files);
  std::atomic<uint64_t> taken = 0;  // as kept on the GPUs
  std::vector<std::unique_ptr<kernels::Backend>> ranks;
  for (const int device : devices) {
    auto made = kernels::MakeCudaBackend(
        {.device = device, .loaded = [&](size_t bytes) { taken += bytes; }});
    if (!made) Die(made.error().message);
    ranks.push_back(*std::move(made));
  }
  const double own_before = OwnMemory();
  std::atomic<double> own_most = own_before;
  const std::jthread watch([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      own_most = std::max(own_most.load(), OwnMemory());
      std::this_thread::yield();
    }
  });
  const auto begin = std::chrono::steady_clock::now();
  auto checkpoint = weights::Checkpoint::Open(dir);
  if (!checkpoint) Die(checkpoint.error().message);
  const auto geometry = model::ReadDecoderGeometry(**checkpoint);
  if (!geometry) Die(geometry.error().message);
  const auto loaded =
      model::ParallelModel::LoadOnDevices(std::move(ranks), 64, 8, **checkpoint, storage);
  if (!loaded) Die(loaded.error().message);
  const double seconds = Seconds(begin);
  // Read: the decoder's tensors, in bf16, once a rank where they are not cut.
  const double layer =
      (static_cast<double>(geometry->heads + 2 * geometry->kv_heads) + geometry->heads) *
          geometry->head_dim * geometry->hidden +
      3.0 * geometry->ffn * geometry->hidden;
  const double gb = (layer * geometry->layers +
                     2.0 * static_cast<double>(geometry->vocabulary) * geometry->hidden) *
                    2e-9;
  std::printf(
      "{\"case\":\"load\",\"gpus\":%zu,\"weights\":\"%s\",\"file_gb\":%.2f,\"seconds\":%.2f,"
      "\"gb_per_s\":%.2f,\"disk_gb_per_s\":%.2f,\"percent_of_disk\":%.1f,\"own_memory_gb\":%.2f,"
      "\"on_gpus_gb\":%.2f}\n",
      devices.size(), storage == kernels::Storage::kFp8Row ? "fp8" : "bf16", gb, seconds,
      gb / seconds, disk, 100.0 * gb / seconds / disk, own_most.load() - own_before,
      static_cast<double>(taken.load()) * 1e-9);
  return 0;
}

}  // namespace
}  // namespace parley

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  if (args.size() >= 2 && args[0] == "write") {
    return parley::Write(args[1], args.size() > 2 ? args[2] : "step-audio-2-mini");
  }
  if (args.size() >= 2 && args[0] == "read") {
    std::vector<int> devices;
    std::stringstream list(args.size() > 3 ? args[3] : "0");
    for (std::string one; std::getline(list, one, ',');) devices.push_back(std::atoi(one.c_str()));
    return parley::Read(args[1],
                        args.size() > 2 && args[2] == "fp8" ? parley::kernels::Storage::kFp8Row
                                                            : parley::kernels::Storage::kAsIs,
                        devices);
  }
  std::fprintf(stderr, "cuda_loading write DIR [GEOMETRY] | read DIR [bf16|fp8] [0,1]\n");
  return 2;
}
