// SPDX-License-Identifier: Apache-2.0
#include "nn/model_cut.h"

#include <algorithm>
#include <map>
#include <openvino/op/parameter.hpp>
#include <openvino/op/result.hpp>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "common/nearest.h"

namespace parley::nn {
namespace {

using Tensors = std::map<std::string, ov::Output<ov::Node>>;

Tensors TensorsByName(const ov::Model& model) {
  Tensors tensors;
  for (const std::shared_ptr<ov::Node>& node : model.get_ordered_ops()) {
    if (ov::is_type<ov::op::v0::Result>(node)) continue;
    for (const ov::Output<ov::Node>& output : node->outputs()) {
      for (const std::string& name : output.get_names()) tensors.insert_or_assign(name, output);
    }
  }
  return tensors;
}

Result<ov::Output<ov::Node>> Find(const Tensors& tensors, const std::string& name) {
  const auto found = tensors.find(name);
  if (found != tensors.end()) return found->second;
  std::vector<std::string_view> known;
  known.reserve(tensors.size());
  for (const auto& [known_name, output] : tensors) known.emplace_back(known_name);
  std::string list;
  for (const std::string_view nearest : NearestNames(name, known, 3)) {
    list += (list.empty() ? "\"" : ", \"") + std::string(nearest) + "\"";
  }
  return Fail(Code::kNotFound,
              "no tensor \"" + name + "\" to cut the network at, nearest: " + list);
}

// A new entry into the graph in place of `tensor`; outputs of other parts keep the original.
std::shared_ptr<ov::op::v0::Parameter> Enter(const ov::Output<ov::Node>& tensor,
                                             const Part::In& in) {
  auto entry = std::make_shared<ov::op::v0::Parameter>(tensor.get_element_type(),
                                                       ov::PartialShape::dynamic());
  const std::set<ov::Input<ov::Node>> users = tensor.get_target_inputs();
  for (ov::Input<ov::Node> user : users) {
    if (!ov::is_type<ov::op::v0::Result>(user.get_node())) {
      user.replace_source_output(entry->output(0));
    }
  }
  entry->set_friendly_name(in.name);
  entry->output(0).set_names({in.name});
  return entry;
}

std::set<std::shared_ptr<ov::op::v0::Parameter>> ParametersReachedFrom(
    const ov::ResultVector& results) {
  std::set<std::shared_ptr<ov::op::v0::Parameter>> found;
  std::set<ov::Node*> seen;
  std::vector<std::shared_ptr<ov::Node>> open(results.begin(), results.end());
  while (!open.empty()) {
    const std::shared_ptr<ov::Node> node = std::move(open.back());
    open.pop_back();
    if (!seen.insert(node.get()).second) continue;
    if (auto parameter = std::dynamic_pointer_cast<ov::op::v0::Parameter>(node)) {
      found.insert(parameter);
    }
    for (const ov::Input<ov::Node>& input : node->inputs()) {
      open.push_back(input.get_source_output().get_node_shared_ptr());
    }
  }
  return found;
}

// Parts of the same tensors, for other lengths: the first is cut, the others are copies of it.
size_t FirstLike(std::span<const Part> parts, size_t p) {
  const auto same = [&](const Part& other) {
    return other.outputs == parts[p].outputs &&
           std::equal(other.inputs.begin(), other.inputs.end(), parts[p].inputs.begin(),
                      parts[p].inputs.end(),
                      [](const Part::In& a, const Part::In& b) { return a.name == b.name; });
  };
  return static_cast<size_t>(std::find_if(parts.begin(), parts.end(), same) - parts.begin());
}

ov::PartialShape ShapeOf(const Part::In& in) {
  return ov::PartialShape(std::vector<ov::Dimension>(in.shape.begin(), in.shape.end()));
}

std::shared_ptr<ov::Model> CopyFor(const ov::Model& model, const Part& part) {
  std::shared_ptr<ov::Model> copy = model.clone();
  std::map<ov::Output<ov::Node>, ov::PartialShape> shapes;
  for (const Part::In& in : part.inputs) shapes[copy->input(in.name)] = ShapeOf(in);
  copy->reshape(shapes);
  return copy;
}

}  // namespace

Result<std::vector<std::shared_ptr<ov::Model>>> CutModel(const std::shared_ptr<ov::Model>& model,
                                                         std::span<const Part> parts) {
  const Tensors tensors = TensorsByName(*model);

  // All exits first: an entry takes every other user of its tensor away.
  std::vector<ov::ResultVector> results(parts.size());
  for (size_t p = 0; p < parts.size(); ++p) {
    if (FirstLike(parts, p) < p) continue;
    for (const std::string& name : parts[p].outputs) {
      PARLEY_TRY(const ov::Output<ov::Node> tensor, Find(tensors, name));
      results[p].push_back(std::make_shared<ov::op::v0::Result>(tensor));
    }
  }
  std::vector<ov::ParameterVector> entries(parts.size());
  for (size_t p = 0; p < parts.size(); ++p) {
    if (FirstLike(parts, p) < p) continue;
    for (const Part::In& in : parts[p].inputs) {
      PARLEY_TRY(const ov::Output<ov::Node> tensor, Find(tensors, in.name));
      auto entry = std::dynamic_pointer_cast<ov::op::v0::Parameter>(tensor.get_node_shared_ptr());
      if (entry == nullptr) entry = Enter(tensor, in);
      entry->set_partial_shape(ShapeOf(in));
      entries[p].push_back(std::move(entry));
    }
  }

  std::vector<std::shared_ptr<ov::Model>> models;
  for (size_t p = 0; p < parts.size(); ++p) {
    if (const size_t first = FirstLike(parts, p); first < p) {
      models.push_back(CopyFor(*models[first], parts[p]));
      continue;
    }
    for (const auto& needed : ParametersReachedFrom(results[p])) {
      if (std::find(entries[p].begin(), entries[p].end(), needed) == entries[p].end()) {
        return Fail(Code::kUnsupported, "the part up to \"" + parts[p].outputs.front() +
                                            "\" needs the input \"" + needed->get_friendly_name() +
                                            "\" too");
      }
    }
    models.push_back(std::make_shared<ov::Model>(results[p], entries[p]));
  }
  return models;
}

}  // namespace parley::nn
