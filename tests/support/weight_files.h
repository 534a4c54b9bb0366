// Builds small checkpoint files byte by byte, valid ones and broken ones, without the product's writers.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace parley::test {

// Little-endian bytes in order: Bytes().Put<uint32_t>(3).Text("GGUF").
class Bytes {
 public:
  template <class T>
  Bytes& Put(T value) {
    char raw[sizeof(T)];
    std::memcpy(raw, &value, sizeof(T));
    data_.append(raw, sizeof(T));
    return *this;
  }
  Bytes& Text(std::string_view text) {
    data_ += text;
    return *this;
  }
  Bytes& PadTo(size_t multiple) {
    while (data_.size() % multiple != 0) data_ += '\0';
    return *this;
  }
  // GGUF: a length of 8 bytes, then the characters.
  Bytes& GgufText(std::string_view text) { return Put<uint64_t>(text.size()).Text(text); }
  // CTranslate2: a length of 2 bytes that counts the closing zero.
  Bytes& CtText(std::string_view text) {
    return Put<uint16_t>(static_cast<uint16_t>(text.size() + 1)).Text(text).Put<uint8_t>(0);
  }
  const std::string& str() const { return data_; }

 private:
  std::string data_;
};

inline std::string SafetensorsFile(std::string_view header, std::string_view data) {
  return Bytes().Put<uint64_t>(header.size()).Text(header).Text(data).str();
}

inline std::string WriteFile(const std::filesystem::path& path, std::string_view content) {
  std::ofstream(path, std::ios::binary)
      .write(content.data(), static_cast<std::streamsize>(content.size()));
  return path.string();
}

inline std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace parley::test
