// SPDX-License-Identifier: Apache-2.0
#include "tts/espeak_program.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <optional>
#include <sstream>

extern char** environ;

namespace parley::tts {
namespace {

constexpr std::chrono::milliseconds kLongestAnswer{2000};

// A running program whose standard input and output are one socket of ours. A socket, because
// writing to one whose reader has died is an error and not a signal.
class Child {
 public:
  Child(int pid, int socket) : pid_(pid), socket_(socket) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    close(socket_);
    if (!finished_) kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  // A program that does not read is found out by its answer.
  void Write(const std::string& text) {
    size_t done = 0;
    while (done < text.size()) {
      const ssize_t n = send(socket_, text.data() + done, text.size() - done, MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) break;
      done += static_cast<size_t>(n);
    }
    shutdown(socket_, SHUT_WR);
  }

  // Everything it writes until it ends; nothing when it takes too long.
  std::optional<std::string> ReadAll() {
    const auto deadline = std::chrono::steady_clock::now() + kLongestAnswer;
    std::string answer;
    for (;;) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          deadline - std::chrono::steady_clock::now());
      pollfd readable{.fd = socket_, .events = POLLIN, .revents = 0};
      if (left.count() <= 0 || poll(&readable, 1, static_cast<int>(left.count())) == 0) {
        return std::nullopt;
      }
      std::array<char, 4096> block{};
      const ssize_t n = read(socket_, block.data(), block.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) break;  // its end, or it died with our words unread
      answer.append(block.data(), static_cast<size_t>(n));
    }
    finished_ = true;
    return answer;
  }

 private:
  int pid_;
  int socket_;
  bool finished_ = false;
};

Result<std::string> Run(const std::string& program, const std::string& lines) {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return Fail(Code::kExhausted, std::string("no socket for espeak-ng: ") + std::strerror(errno));
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  std::array<std::string, 5> words{program, "-q", "--ipa", "-v", "en-us"};
  std::array<char*, 6> arguments{};
  for (size_t i = 0; i < words.size(); ++i) arguments[i] = words[i].data();
  pid_t pid = -1;
  const int error =
      posix_spawnp(&pid, program.c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (error != 0) {
    close(ends[0]);
    return Fail(Code::kNotFound,
                program + " cannot be run (" + std::strerror(error) +
                    "): install it (apt install espeak-ng), name it with --set "
                    "voice.espeak_program=PATH, or use --set voice.phonemizer=flite");
  }
  Child child(pid, ends[0]);
  child.Write(lines);
  std::optional<std::string> answer = child.ReadAll();
  if (!answer) return Fail(Code::kTimeout, program + " gave no answer within two seconds");
  return *std::move(answer);
}

// Without the blanks around, and without language marks like "(en)".
std::string Cleaned(const std::string& line) {
  std::string ipa;
  bool mark = false;
  for (const char c : line) {
    if (c == '(') mark = true;
    if (!mark && c != ' ') ipa += c;
    if (c == ')') mark = false;
  }
  return ipa;
}

}  // namespace

Result<std::unique_ptr<EspeakProgram>> EspeakProgram::Find(const std::string& program) {
  std::unique_ptr<EspeakProgram> espeak(new EspeakProgram(program));
  const SpokenWord word{.text = "greeting"};
  PARLEY_TRY(const std::vector<std::string> sounds, espeak->Phonemize({&word, 1}));
  if (sounds[0].empty()) {
    return Fail(Code::kPeer, program +
                                 " runs but says nothing: is its American English voice "
                                 "(espeak-ng-data) installed?");
  }
  return espeak;
}

Result<std::vector<std::string>> EspeakProgram::Phonemize(std::span<const SpokenWord> words) {
  std::vector<std::string> sounds(words.size());
  std::vector<size_t> asked;
  std::string lines;
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i].as == SpokenAs::kLetter) {
      sounds[i] = lexicon_.LetterName(words[i].text[0]);
      if (words[i].text.size() > 1) sounds[i] += PluralEnding(sounds[i]);
    } else if (auto known = lexicon_.Find(words[i].text)) {
      sounds[i] = *std::move(known);
    } else {
      asked.push_back(i);
      lines += words[i].text + "\n";
    }
  }
  if (asked.empty()) return sounds;
  PARLEY_TRY(const std::string answer, Run(program_, lines));
  std::istringstream stream(answer);
  std::string line;
  size_t n = 0;
  while (std::getline(stream, line)) {
    if (n < asked.size()) sounds[asked[n]] = Cleaned(line);
    ++n;
  }
  if (n != asked.size()) {
    return Fail(Code::kPeer, program_ + " answered " + std::to_string(n) + " lines to " +
                                 std::to_string(asked.size()) + " words");
  }
  return sounds;
}

}  // namespace parley::tts
