// SPDX-License-Identifier: Apache-2.0
#include "nn/model_cut.h"

#include <algorithm>
#include <numeric>
#include <openvino/op/parameter.hpp>
#include <openvino/op/result.hpp>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

namespace parley::nn {
namespace {

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i + 1);
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t substitute = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substitute, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

std::string NearestNames(const std::string& wanted, const std::set<std::string>& names) {
  std::vector<std::pair<size_t, std::string>> ranked;
  ranked.reserve(names.size());
  for (const std::string& name : names) ranked.emplace_back(EditDistance(wanted, name), name);
  const size_t shown = std::min<size_t>(3, ranked.size());
  std::partial_sort(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(shown),
                    ranked.end());
  std::string list;
  for (size_t i = 0; i < shown; ++i) {
    list += (i == 0 ? "\"" : ", \"") + ranked[i].second + "\"";
  }
  return list;
}

ov::ParameterVector ParametersReachedFrom(const ov::ResultVector& results) {
  ov::ParameterVector found;
  std::set<ov::Node*> seen;
  std::vector<std::shared_ptr<ov::Node>> open(results.begin(), results.end());
  while (!open.empty()) {
    const std::shared_ptr<ov::Node> node = std::move(open.back());
    open.pop_back();
    if (!seen.insert(node.get()).second) continue;
    if (auto parameter = std::dynamic_pointer_cast<ov::op::v0::Parameter>(node)) {
      found.push_back(parameter);
    }
    for (const ov::Input<ov::Node>& input : node->inputs()) {
      open.push_back(input.get_source_output().get_node_shared_ptr());
    }
  }
  return found;
}

// The parameters in the order of the original model, which is the order of the file.
ov::ParameterVector InOrderOf(const ov::ParameterVector& original, ov::ParameterVector found) {
  auto place = [&](const std::shared_ptr<ov::op::v0::Parameter>& p) {
    return std::find(original.begin(), original.end(), p) - original.begin();
  };
  std::sort(found.begin(), found.end(),
            [&](const auto& a, const auto& b) { return place(a) < place(b); });
  return found;
}

}  // namespace

Result<ModelHalves> CutModel(std::shared_ptr<ov::Model> model, const std::string& cut) {
  std::set<std::string> names;
  ov::Output<ov::Node> place;
  for (const std::shared_ptr<ov::Node>& node : model->get_ordered_ops()) {
    if (ov::is_type<ov::op::v0::Result>(node) || ov::is_type<ov::op::v0::Parameter>(node)) continue;
    for (const ov::Output<ov::Node>& output : node->outputs()) {
      for (const std::string& name : output.get_names()) {
        names.insert(name);
        if (name == cut) place = output;
      }
    }
  }
  if (place.get_node() == nullptr) {
    return Fail(Code::kNotFound, "no tensor \"" + cut + "\" to cut the network at, nearest: " +
                                     NearestNames(cut, names));
  }

  const ov::ParameterVector parameters = model->get_parameters();
  const ov::ResultVector results = model->get_results();

  // A copy of the graph for the front, before the original is rewired for the rear. The copy
  // shares the constants, so the weights are not doubled.
  const ov::ResultVector front_results{std::make_shared<ov::op::v0::Result>(place)};
  auto front = std::make_shared<ov::Model>(
      front_results, InOrderOf(parameters, ParametersReachedFrom(front_results)));
  front = front->clone();

  auto entry =
      std::make_shared<ov::op::v0::Parameter>(place.get_element_type(), place.get_partial_shape());
  const std::set<ov::Input<ov::Node>> users = place.get_target_inputs();
  for (ov::Input<ov::Node> user : users) {
    // The front's Result holds on to the original tensor; leave it there.
    if (user.get_node() != front_results[0].get()) user.replace_source_output(entry->output(0));
  }
  entry->set_friendly_name(cut);
  entry->output(0).set_names({cut});
  ov::ParameterVector rear_parameters = InOrderOf(parameters, ParametersReachedFrom(results));
  return ModelHalves{.front = std::move(front),
                     .rear = std::make_shared<ov::Model>(results, rear_parameters)};
}

}  // namespace parley::nn
