// Files of a repository on the Hugging Face hub (or a mirror of it, HF_ENDPOINT).
// Thread:   plain functions; reads the environment.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "common/result.h"
#include "fetch/http.h"
#include "fetch/manifest.h"
#include "fetch/pip_config.h"

namespace parley::fetch {

struct HubConfig {
  std::string endpoint = "https://huggingface.co";
  std::string token;  // empty: none
};

// HF_ENDPOINT; the token from HF_TOKEN, else from the file that `hf auth login` writes
// (HF_TOKEN_PATH, HF_HOME/token, ~/.cache/huggingface/token).
HubConfig ReadHubConfig();
HubConfig ReadHubConfig(const Environment& environment);  // tests

// What to ask for to get `member` of `source`. The token goes to the hub only: libcurl drops it
// when a redirect leads to another host.
Download HubDownload(const HubConfig& hub, const Source& source, const std::string& member);

// `error`, with what to do where the hub wants a token.
Error ExplainHubError(const HubConfig& hub, const Source& source, Error error);

}  // namespace parley::fetch
