// A request as libwebsockets has parsed it, as a plain value.
// Thread:   the server's.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "wire/http.h"

struct lws;

namespace parley::wire {

Request RequestOf(lws* wsi);     // without its body
int64_t BodyLengthOf(lws* wsi);  // as the header says; 0: none
bool BodyComesInChunks(lws* wsi);

}  // namespace parley::wire
