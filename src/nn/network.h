// A small ONNX network on the CPU: voice activity, turn end, synthesiser.
// The one wrapper around the chosen runtime (OpenVINO); nobody else includes its headers.
//
// Thread:   a Network is used by one thread at a time; different Networks may run at once, also two
//           that Another() has made of the same weights. One inference thread each unless told
//           otherwise: the engine's pool owns the cores.
// Memory:   weights are held once; Run reuses its buffers while shapes repeat. An input shape that
//           is new costs the runtime 30–140 ms once: run the shapes you know before they matter.
// Overload: Run computes when it is called and queues nothing.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/result.h"

namespace parley::nn {

// kBf16 is a wish: on a processor without bf16 instructions the runtime computes in f32.
enum class Precision { kF32, kBf16 };

struct NetworkOptions {
  int threads = 1;
  Precision precision = Precision::kF32;
};

// A stretch of a graph: what goes in, what comes out, and how to run it.
struct Part {
  struct In {
    std::string name;
    std::vector<int64_t> shape;  // as far as it is known: -1 is any length
  };
  std::vector<In> inputs;
  std::vector<std::string> outputs;
  NetworkOptions options;
};

// A borrowed input tensor; the data must stay valid during Run.
struct Input {
  std::string_view name;
  std::vector<int64_t> shape;
  std::variant<std::span<const float>, std::span<const int64_t>> data;
};

// An output tensor, valid until the next Run of the same network.
struct Output {
  std::vector<int64_t> shape;
  std::span<const float> data;
};

class Network {
 public:
  static Result<std::unique_ptr<Network>> Load(const std::string& path,
                                               const NetworkOptions& options);

  // One file, several networks: the graph is cut in memory while loading and the parts are
  // compiled at once. Inputs and outputs are tensors of the graph, by name. An unknown name fails
  // with the nearest names that exist; so does a part that needs an input it does not list. The
  // same part may be listed again for other lengths: a network of one fixed length is a quarter
  // faster than one that takes any.
  static Result<std::vector<std::unique_ptr<Network>>> LoadParts(const std::string& path,
                                                                 std::span<const Part> parts);

  virtual ~Network() = default;
  // Every input must be given, in any order. Returns the output with that index.
  virtual Result<Output> Run(std::span<const Input> inputs, size_t output_index = 0) = 0;
  // Another output of the last Run that succeeded, valid as long as that one.
  virtual Result<Output> OutputOfLastRun(size_t output_index) const = 0;
  // The same compiled weights with buffers of its own: one for each thread or conversation.
  virtual Result<std::unique_ptr<Network>> Another() const = 0;
  virtual size_t output_count() const = 0;
  virtual std::vector<std::string> input_names() const = 0;
};

}  // namespace parley::nn
