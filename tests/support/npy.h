// Reads the float32 .npy files that the golden scripts write.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace parley::test {

struct Npy {
  std::vector<size_t> shape;
  std::vector<float> values;
};

// An unreadable golden fails the test and comes back empty.
inline Npy ReadNpy(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  Npy npy;
  if (bytes.size() < 12 || bytes.compare(0, 7, std::string("\x93NUMPY\x01", 7)) != 0) {
    ADD_FAILURE() << path << ": not a version 1 .npy file; make it again with the script beside it";
    return npy;
  }
  const size_t header =
      static_cast<unsigned char>(bytes[8]) + 256u * static_cast<unsigned char>(bytes[9]);
  const std::string text = bytes.substr(10, header);
  if (text.find("'<f4'") == std::string::npos || text.find("False") == std::string::npos) {
    ADD_FAILURE() << path << ": expected float32 in C order, found " << text;
    return npy;
  }
  size_t count = 1;
  size_t at = text.find('(') + 1;
  while (text[at] != ')') {
    size_t used = 0;
    npy.shape.push_back(std::stoul(text.substr(at), &used));
    count *= npy.shape.back();
    at = text.find_first_not_of(", ", at + used);
  }
  if (bytes.size() != 10 + header + count * sizeof(float)) {
    ADD_FAILURE() << path << ": " << bytes.size() << " bytes do not hold " << text;
    return {};
  }
  npy.values.resize(count);
  std::memcpy(npy.values.data(), bytes.data() + 10 + header, count * sizeof(float));
  return npy;
}

}  // namespace parley::test
