// Network on OpenVINO. Everything the runtime throws is caught here and becomes an Error.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <future>
#include <numeric>
#include <openvino/frontend/manager.hpp>
#include <openvino/openvino.hpp>
#include <stdexcept>

#include "common/check.h"
#include "nn/model_cut.h"
#include "nn/network.h"

namespace parley::nn {
namespace {

// The runtime's plugin registry: one for the process, made at the first load. It is never taken
// down, because unloading the plugins while threads still hold networks is not defined.
ov::Core& SharedCore() {
  static ov::Core* const core = new ov::Core;
  return *core;
}

// An ONNX file and nothing else. Left to guess, the runtime tries all its readers on a file that is
// broken, and some of those write to standard error and leak.
std::shared_ptr<ov::Model> ReadOnnx(const std::string& path) {
  static auto* const readers = new ov::frontend::FrontEndManager;
  const ov::frontend::FrontEnd::Ptr onnx = readers->load_by_framework("onnx");
  if (!onnx->supported(path)) throw std::runtime_error("its bytes are not ONNX");
  return onnx->convert(onnx->load(path));
}

// The runtime's messages run over several lines of its own source positions; the last line says
// what is wrong.
std::string LastLine(std::string_view message) {
  while (!message.empty() && (message.back() == '\n' || message.back() == ' ')) {
    message.remove_suffix(1);
  }
  const size_t newline = message.rfind('\n');
  if (newline != std::string_view::npos) message.remove_prefix(newline + 1);
  return std::string(message);
}

ov::AnyMap Properties(const NetworkOptions& options) {
  return {
      ov::inference_num_threads(options.threads),
      ov::num_streams(1),
      ov::hint::performance_mode(ov::hint::PerformanceMode::LATENCY),
      // Without this the runtime picks bf16 by itself where the processor has it.
      ov::hint::inference_precision(options.precision == Precision::kBf16 ? ov::element::bf16
                                                                          : ov::element::f32),
      // The cores belong to the engine's pool: nobody else pins threads to them.
      ov::hint::enable_cpu_pinning(false),
  };
}

std::string ShapeText(const std::vector<int64_t>& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  }
  return text + "]";
}

// A view of the caller's numbers. The runtime's tensor type has no const form; it only reads
// inputs.
Result<ov::Tensor> Borrow(const Input& input) {
  ov::Shape shape;
  size_t elements = 1;
  for (const int64_t extent : input.shape) {
    if (extent < 0) {
      return Fail(Code::kInvalidArgument, "input \"" + std::string(input.name) + "\" has shape " +
                                              ShapeText(input.shape) + ", extents must be known");
    }
    shape.push_back(static_cast<size_t>(extent));
    elements *= static_cast<size_t>(extent);
  }
  const size_t given = std::visit([](const auto& span) { return span.size(); }, input.data);
  if (given != elements) {
    return Fail(Code::kInvalidArgument, "input \"" + std::string(input.name) + "\" has shape " +
                                            ShapeText(input.shape) + " but " +
                                            std::to_string(given) + " values");
  }
  if (const auto* floats = std::get_if<std::span<const float>>(&input.data)) {
    return ov::Tensor(ov::element::f32, shape, const_cast<float*>(floats->data()));
  }
  const auto& integers = std::get<std::span<const int64_t>>(input.data);
  return ov::Tensor(ov::element::i64, shape, const_cast<int64_t*>(integers.data()));
}

class OpenVinoNetwork final : public Network {
 public:
  OpenVinoNetwork(std::string path, ov::CompiledModel compiled)
      : path_(std::move(path)),
        compiled_(std::move(compiled)),
        request_(compiled_.create_infer_request()) {}

  Result<Output> Run(std::span<const Input> inputs, size_t output_index) override {
    PARLEY_CHECK(output_index < output_count(), "no output with this index");
    has_run_ = false;
    try {
      PARLEY_TRY_STATUS(SetInputs(inputs));
      request_.infer();
    } catch (const std::exception& e) {
      return Fail(Code::kUnsupported, path_ + ": " + LastLine(e.what()));
    }
    has_run_ = true;
    return OutputOfLastRun(output_index);
  }

  Result<Output> OutputOfLastRun(size_t output_index) const override {
    PARLEY_CHECK(output_index < output_count(), "no output with this index");
    PARLEY_CHECK(has_run_, "the network has not run");
    try {
      const ov::Tensor tensor = request_.get_output_tensor(output_index);
      if (tensor.get_element_type() != ov::element::f32) {
        return Fail(Code::kUnsupported, path_ + ": output " + std::to_string(output_index) +
                                            " holds " + tensor.get_element_type().get_type_name() +
                                            ", only f32 outputs can be read");
      }
      const ov::Shape& shape = tensor.get_shape();
      return Output{.shape = std::vector<int64_t>(shape.begin(), shape.end()),
                    .data = {tensor.data<const float>(), tensor.get_size()}};
    } catch (const std::exception& e) {
      return Fail(Code::kUnsupported, path_ + ": " + LastLine(e.what()));
    }
  }

  Result<std::unique_ptr<Network>> Another() const override {
    try {
      return std::unique_ptr<Network>(std::make_unique<OpenVinoNetwork>(path_, compiled_));
    } catch (const std::exception& e) {
      return Fail(Code::kExhausted, path_ + ": " + LastLine(e.what()));
    }
  }

  size_t output_count() const override { return compiled_.outputs().size(); }

  std::vector<std::string> input_names() const override {
    std::vector<std::string> names;
    for (const ov::Output<const ov::Node>& port : compiled_.inputs()) {
      names.push_back(port.get_any_name());
    }
    return names;
  }

 private:
  // Every port is set anew each time: a tensor left from an earlier Run would point at freed
  // memory.
  Status SetInputs(std::span<const Input> inputs) {
    const std::vector<ov::Output<const ov::Node>>& ports = compiled_.inputs();
    for (const ov::Output<const ov::Node>& port : ports) {
      const auto input = std::find_if(inputs.begin(), inputs.end(), [&](const Input& i) {
        return port.get_names().contains(std::string(i.name));
      });
      if (input == inputs.end() || inputs.size() != ports.size()) {
        return Fail(Code::kInvalidArgument, path_ + ": takes the inputs " + Listed(input_names()) +
                                                ", was given " + GivenNames(inputs));
      }
      PARLEY_TRY(const ov::Tensor tensor, Borrow(*input));
      if (tensor.get_element_type() != port.get_element_type()) {
        return Fail(Code::kInvalidArgument,
                    path_ + ": input \"" + std::string(input->name) + "\" takes " +
                        port.get_element_type().get_type_name() + ", was given " +
                        tensor.get_element_type().get_type_name());
      }
      request_.set_tensor(port, tensor);
    }
    return {};
  }

  static std::string Listed(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "\"" : ", \"") + name + "\"";
    return text.empty() ? "none" : text;
  }

  static std::string GivenNames(std::span<const Input> inputs) {
    std::vector<std::string> names;
    for (const Input& input : inputs) names.emplace_back(input.name);
    return Listed(names);
  }

  std::string path_;
  ov::CompiledModel compiled_;
  mutable ov::InferRequest request_;  // get_output_tensor is not const in the runtime
  bool has_run_ = false;
};

// Calls `load`, which may throw, and says which file it was about.
template <class Load>
auto AtTheBorder(const std::string& path, const Load& load) -> decltype(load()) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) {
    return Fail(Code::kNotFound,
                path + ": no such network file; fetch the models with `parley models fetch`");
  }
  try {
    auto loaded = load();
    if (!loaded) return Context(path, std::move(loaded).error());
    return loaded;
  } catch (const std::exception& e) {
    return Fail(Code::kCorruptData,
                path + ": cannot be loaded as an ONNX network: " + LastLine(e.what()) +
                    "; check it with `parley models verify`");
  }
}

std::unique_ptr<Network> Compile(const std::string& path, const std::shared_ptr<ov::Model>& model,
                                 const NetworkOptions& options) {
  PARLEY_CHECK(options.threads >= 1, "a network needs a thread");
  return std::make_unique<OpenVinoNetwork>(
      path, SharedCore().compile_model(model, "CPU", Properties(options)));
}

}  // namespace

Result<std::unique_ptr<Network>> Network::Load(const std::string& path,
                                               const NetworkOptions& options) {
  return AtTheBorder(path, [&]() -> Result<std::unique_ptr<Network>> {
    return Compile(path, ReadOnnx(path), options);
  });
}

Result<std::vector<std::unique_ptr<Network>>> Network::LoadParts(const std::string& path,
                                                                 std::span<const Part> parts) {
  using Networks = std::vector<std::unique_ptr<Network>>;
  return AtTheBorder(path, [&]() -> Result<Networks> {
    PARLEY_TRY(std::vector<std::shared_ptr<ov::Model>> models, CutModel(ReadOnnx(path), parts));
    // Compiling is most of the time it takes to load: all parts at once.
    std::vector<std::future<std::unique_ptr<Network>>> compiling;
    for (size_t p = 0; p < parts.size(); ++p) {
      compiling.push_back(std::async(std::launch::async, [&, p] {
        auto network =
            Compile(path + " (part " + std::to_string(p + 1) + ")", models[p], parts[p].options);
        models[p].reset();  // its graph is not needed any longer
        return network;
      }));
    }
    Networks networks;
    for (auto& part : compiling) networks.push_back(part.get());
    return networks;
  });
}

}  // namespace parley::nn
