// Downloads models into the model directory: DIR/<model>/<file>, each file checked against the
// manifest before it gets its name. Interrupted downloads go on where they stopped; what is intact
// already is not touched; a wrong hash is refused.
// Thread:   Fetch blocks; several processes may fetch into one directory, one after the other.
// Memory:   fixed buffers. Disk: a model and its wheels, which go when the model is there.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/result.h"
#include "fetch/http.h"
#include "fetch/hugging_face.h"
#include "fetch/manifest.h"
#include "fetch/pip_config.h"
#include "fetch/state.h"

namespace parley::fetch {

struct Progress {
  std::string_view model;
  std::string_view what;  // the file that is downloaded or unpacked
  int64_t done = 0;
  int64_t total = 0;
};
using ProgressSink = std::function<bool(const Progress&)>;  // false cancels

struct FetchOptions {
  std::string dir = DefaultModelDir();
  HttpOptions http;
  PipConfig pip = ReadPipConfig();
  HubConfig hub = ReadHubConfig();
  ProgressSink progress;
};

struct FetchReport {
  std::vector<const Model*> fetched;
  std::vector<const Model*> already;  // were intact
};

// Reports and states point into the manifest: a temporary one is refused.
// `names` empty: the default set.
Result<FetchReport> Fetch(const Manifest& manifest, const std::vector<std::string>& names,
                          const FetchOptions& options);
Result<FetchReport> Fetch(Manifest&&, const std::vector<std::string>&,
                          const FetchOptions&) = delete;

// Every file of the models read and hashed.
Result<std::vector<ModelState>> Verify(const Manifest& manifest,
                                       const std::vector<std::string>& names,
                                       const std::string& dir);
Result<std::vector<ModelState>> Verify(Manifest&&, const std::vector<std::string>&,
                                       const std::string&) = delete;

// All models of the manifest, by presence and size only.
std::vector<ModelState> List(const Manifest& manifest, const std::string& dir);
std::vector<ModelState> List(Manifest&&, const std::string&) = delete;

}  // namespace parley::fetch
