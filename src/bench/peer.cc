// SPDX-License-Identifier: Apache-2.0
#include "bench/peer.h"

#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

namespace parley::bench {
namespace {

std::string Quoted(const std::string& text) {  // for sh
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace

Result<double> Peer::Measure(const std::string& name, int threads) const {
  std::string command = Quoted(options_.peers + "/bin/python") + " " +
                        Quoted(options_.peer_script) + " " + name + " --threads " +
                        std::to_string(threads);
  command += " --cache " + Quoted(options_.peers);
  if (!options_.model.empty()) command += " --model " + Quoted(options_.model);
  if (!options_.transcriber.empty()) command += " --whisper " + Quoted(options_.transcriber);
  if (!options_.sound_file.empty()) command += " --sound " + Quoted(options_.sound_file);
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return Fail(Code::kIo, "cannot run " + command);
  std::string output;
  char buffer[256];
  while (std::fgets(buffer, sizeof(buffer), pipe) != nullptr) output += buffer;
  const int status = pclose(pipe);
  char* end = nullptr;
  const double value = std::strtod(output.c_str(), &end);
  if (status != 0 || end == output.c_str()) {
    return Fail(Code::kPeer, "the peer gave no figure (status " +
                                 std::to_string(WEXITSTATUS(status)) + "): " + command +
                                 "; has tests/bench/peers/setup been run for this directory?");
  }
  return value;
}

}  // namespace parley::bench
