// SPDX-License-Identifier: Apache-2.0
#include "common/nearest.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace parley {

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i + 1);
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replace = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replace, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

std::vector<std::string_view> NearestNames(std::string_view wanted,
                                           std::span<const std::string_view> known, size_t most) {
  std::vector<std::pair<size_t, size_t>> ranked;  // distance, place in `known`
  ranked.reserve(known.size());
  for (size_t i = 0; i < known.size(); ++i) ranked.emplace_back(EditDistance(wanted, known[i]), i);
  std::ranges::sort(ranked);
  ranked.resize(std::min(most, ranked.size()));
  std::vector<std::string_view> nearest;
  nearest.reserve(ranked.size());
  for (const auto& [distance, place] : ranked) nearest.push_back(known[place]);
  return nearest;
}

}  // namespace parley
