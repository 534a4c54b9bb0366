// `parley talk`: a microphone and a loudspeaker, here or to a server. The conversation is in this
// process, or with --server behind the Realtime protocol; everything else is the same code.
// Thread:   returns when the user quits, the process is told to end, or the talk has failed.
// Memory:   the models, or a connection; the lines of the devices.
// Overload: events that the screen cannot follow are dropped and counted; sound goes another way.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "app/app_config.h"
#include "common/result.h"

namespace parley::app {

struct TalkOptions {
  std::string input_device, output_device;
  bool list_devices = false;
  bool headphones = false;
  bool push_to_talk = false;
  std::string record;
  std::string server;
  bool any_certificate = false;
  std::string model;
};

Status RunTalk(const TalkOptions& options, AppConfig config);

}  // namespace parley::app
