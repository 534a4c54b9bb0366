// Runs the real program as a user would, and reads the JSON lines that it wrote.
// Thread:   blocks until the program has ended.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/wait.h>

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

namespace parley::test {

struct ProgramRun {
  int exit_status = -1;  // -1: it did not end by itself
  std::string out;
  std::string err;
};

inline std::string Quoted(const std::string& word) {
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

inline std::string TempPath(const std::string& name) {
  const char* dir = std::getenv("TMPDIR");
  return std::string(dir == nullptr ? "/tmp" : dir) + "/parley_test_" + std::to_string(getpid()) +
         "_" + name;
}

// PARLEY_BINARY comes from CMake: the program that this build made.
inline ProgramRun RunParley(const std::vector<std::string>& arguments) {
  const std::string err_path = TempPath("stderr");
  std::string command = Quoted(PARLEY_BINARY);
  for (const std::string& argument : arguments) command += " " + Quoted(argument);
  command += " 2>" + Quoted(err_path);
  ProgramRun run;
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return run;
  char buffer[4096];
  for (size_t n = 0; (n = std::fread(buffer, 1, sizeof(buffer), pipe)) > 0;)
    run.out.append(buffer, n);
  const int status = pclose(pipe);
  if (WIFEXITED(status)) run.exit_status = WEXITSTATUS(status);
  std::ifstream err(err_path);
  run.err = std::string(std::istreambuf_iterator<char>(err), {});
  std::remove(err_path.c_str());
  return run;
}

inline std::vector<nlohmann::json> ReadJsonLines(const std::string& path) {
  std::vector<nlohmann::json> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

}  // namespace parley::test
