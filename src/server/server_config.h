// How a server listens, whom it lets in, and how much it takes on.
// Thread:   plain value.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "common/config_fields.h"

namespace parley::server {

struct ServerConfig {
  int32_t max_sessions = 0;
  int32_t sessions_per_key = 0;
  int32_t idle_s = 300;
  int32_t longest_session_s = 3600;
  int32_t first_message_s = 30;
  int32_t longest_message_kb = 24576;
  int32_t outbox_kb = 8192;
  int32_t upgrades_per_second = 50;
  int32_t drain_s = 120;
  int32_t secret_s = 600;
  std::string origins;
  std::string keys_file;

  template <class V>
  void VisitFields(V&& v) {
    v("max_sessions", max_sessions, Range{0, 100000},
      "conversations at once; 0: as many as the engine can keep");
    v("sessions_per_key", sessions_per_key, Range{0, 100000},
      "conversations at once for one key; 0: no limit of its own");
    v("idle_s", idle_s, Range{5, 86400}, "a client that says nothing for so long is sent away [s]");
    v("longest_session_s", longest_session_s, Range{10, 86400},
      "a conversation ends after this [s]");
    v("first_message_s", first_message_s, Range{1, 3600},
      "a client that opens a conversation says something within this time [s]");
    v("longest_message_kb", longest_message_kb, Range{16, 131072}, "of a client [KiB]");
    v("outbox_kb", outbox_kb, Range{64, 131072},
      "what may wait for a client that reads slowly, before it is cut off [KiB]");
    v("upgrades_per_second", upgrades_per_second, Range{1, 100000},
      "new conversations a second, of all clients");
    v("drain_s", drain_s, Range{1, 3600}, "how long turns may take to finish at the end [s]");
    v("secret_s", secret_s, Range{10, 7200},
      "how long an ephemeral key lasts, unless it says so [s]");
    v("origins", origins,
      "web pages of other hosts that may connect, with commas between them; * for all");
    v("keys_file", keys_file,
      "file of API keys, one a line; empty: $PARLEY_API_KEYS (commas), or no keys");
  }
};

}  // namespace parley::server
