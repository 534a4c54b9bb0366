// How pip is told where its index is, read the way pip reads it: pip.conf files (machine, user,
// virtual environment), then PIP_* of the environment. So a machine where `pip download` works
// needs no settings of ours.
// Thread:   plain functions; reads the environment.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parley::fetch {

struct PipConfig {
  std::vector<std::string> index_urls{"https://pypi.org/simple"};  // the main one first
  std::string cert;   // a file of certificates; empty: the system's
  std::string proxy;  // empty: https_proxy and friends
};

using Environment = std::function<std::optional<std::string>(const char* name)>;

PipConfig ReadPipConfig();                                // of this process and this machine
PipConfig ReadPipConfig(const Environment& environment);  // tests

// Changes `config` by the settings of one pip.conf.
void ApplyPipConf(std::string_view text, PipConfig& config);

}  // namespace parley::fetch
