// A certificate of our own, for development: browsers ask for an exception once, other clients are
// given the file (SSL_CERT_FILE, NODE_EXTRA_CA_CERTS).
// Thread:   main.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "common/result.h"

namespace parley::app {

// Paths of a certificate for `host` and localhost, and of its key: made once, kept in
// $XDG_STATE_HOME/parley or ~/.local/state/parley, made again when it is about to expire.
Status MakeSelfSigned(const std::string& host, std::string& cert_file, std::string& key_file);

}  // namespace parley::app
