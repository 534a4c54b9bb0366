// SPDX-License-Identifier: Apache-2.0
#include "app/terminal.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace parley::app {
namespace {

// What a handler of signals can reach.
termios g_before{};
std::atomic<bool> g_raw{false};

constexpr std::string_view kShowCursor = "\x1b[?25h\x1b[0m";
constexpr std::array kDeadly = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGQUIT};

// Safe in a handler: tcsetattr and write are.
void Restore() {
  if (!g_raw.exchange(false)) return;
  tcsetattr(STDIN_FILENO, TCSANOW, &g_before);
  [[maybe_unused]] const ssize_t written =
      write(STDOUT_FILENO, kShowCursor.data(), kShowCursor.size());
}

void OnDeadly(int signal) {
  Restore();
  raise(signal);  // SA_RESETHAND: this time for good
}

}  // namespace

void Terminal::RestoreNow() { Restore(); }

bool Terminal::Usable() { return isatty(STDIN_FILENO) != 0 && isatty(STDOUT_FILENO) != 0; }

Result<std::unique_ptr<Terminal>> Terminal::Open() {
  if (tcgetattr(STDIN_FILENO, &g_before) != 0) {
    return Fail(Code::kIo, std::string("cannot read the terminal's mode: ") + std::strerror(errno));
  }
  termios raw = g_before;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);  // signals stay: Ctrl-C ends
  raw.c_cc[VMIN] = 0;
  raw.c_cc[VTIME] = 0;
  static const bool at_exit = std::atexit(Restore) == 0;
  (void)at_exit;
  for (const int signal : kDeadly) {
    struct sigaction action {};
    action.sa_handler = OnDeadly;
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
    sigaction(signal, &action, nullptr);
  }
  g_raw = true;
  if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) != 0) {
    g_raw = false;
    return Fail(Code::kIo, std::string("cannot set the terminal's mode: ") + std::strerror(errno));
  }
  std::fputs("\x1b[?25l", stdout);
  std::fflush(stdout);
  return std::unique_ptr<Terminal>(new Terminal());
}

Terminal::~Terminal() {
  Draw({}, {});
  Restore();
}

std::optional<char> Terminal::Key() {
  std::array<char, 64> bytes{};
  if (typed_.empty()) {
    const ssize_t n = read(STDIN_FILENO, bytes.data(), bytes.size());
    if (n > 0) typed_.assign(bytes.data(), static_cast<size_t>(n));
  }
  return TakeKey(typed_);
}

int Terminal::width() const {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

void Terminal::Draw(const std::vector<std::string>& lines, const std::vector<std::string>& panel) {
  std::string text;
  for (const std::string& line : panel) text += line + "\n";
  if (lines.empty() && text == last_) return;
  std::string out;
  if (panel_lines_ > 0) out += "\x1b[" + std::to_string(panel_lines_) + "A\r\x1b[J";
  for (const std::string& line : lines) out += line + "\n";
  out += text;
  std::fwrite(out.data(), 1, out.size(), stdout);
  std::fflush(stdout);
  panel_lines_ = panel.size();
  last_ = std::move(text);
}

std::optional<char> TakeKey(std::string& typed) {
  while (!typed.empty()) {
    const char key = typed[0];
    size_t taken = 1;
    if (key == '\x1b' && typed.size() > 1 && typed[1] == '[') {  // up to its final byte
      taken = 2;
      while (taken < typed.size() && (typed[taken] < '@' || typed[taken] > '~')) ++taken;
      ++taken;
    } else if (key == '\x1b' && typed.size() > 1 && typed[1] == 'O') {
      taken = 3;
    }
    typed.erase(0, taken);
    if (key != '\x1b') return key;
  }
  return std::nullopt;
}

}  // namespace parley::app
