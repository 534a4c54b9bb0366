// SHA-256, piecewise and of whole files.
// Thread:   one Sha256 per thread.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/result.h"

namespace parley::fetch {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void Update(std::string_view bytes);
  std::string Finish();  // 64 lower-case digits; once

 private:
  struct Context;  // OpenSSL's stays in the .cc
  std::unique_ptr<Context> context_;
};

Result<std::string> Sha256OfFile(const std::string& path);

}  // namespace parley::fetch
