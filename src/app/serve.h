// `parley serve`: the server of src/server over the models of this machine.
// Thread:   main.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/app_config.h"
#include "common/result.h"

namespace parley::app {

struct ServeOptions {
  std::string listen = "127.0.0.1:8080";
  std::string tls_cert, tls_key;
  bool self_signed = false;
  std::string proxy;
  std::string keys;
  std::vector<std::string> origins;
  int32_t max_sessions = 0;
  bool insecure = false;
  std::string web;
  std::string model;
};

// Serves until SIGTERM or SIGINT, then lets turns finish; a second signal ends at once.
Status RunServe(const ServeOptions& options, AppConfig config);

}  // namespace parley::app
