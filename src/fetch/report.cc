// SPDX-License-Identifier: Apache-2.0
#include "fetch/report.h"

#include <unistd.h>

#include <algorithm>

namespace parley::fetch {
namespace {

const char* StateName(State state) {
  switch (state) {
    case State::kIntact:
      return "present";
    case State::kMissing:
      return "missing";
    case State::kDamaged:
      return "DAMAGED";
  }
  return "";
}

std::string Padded(std::string text, size_t width) {
  text.resize(std::max(width, text.size()), ' ');
  return text;
}

std::string SourceName(const Source& source) {
  if (source.kind == Source::Kind::kHuggingFace) {
    return "huggingface:" + source.package + "@" + source.version.substr(0, 8);
  }
  return "pypi:" + source.package + "==" + source.version;
}

}  // namespace

std::string PrintSize(int64_t bytes) {
  constexpr double kMega = 1e6;
  constexpr double kGiga = 1e9;
  const auto value = static_cast<double>(bytes);
  char text[32];
  if (value < kMega) {
    std::snprintf(text, sizeof(text), "%.1f kB", value / 1e3);
  } else if (value < kGiga) {
    std::snprintf(text, sizeof(text), "%.1f MB", value / kMega);
  } else {
    std::snprintf(text, sizeof(text), "%.2f GB", value / kGiga);
  }
  return text;
}

std::string RenderList(const std::vector<ModelState>& states, const std::string& dir) {
  size_t width = 0;
  for (const ModelState& state : states) width = std::max(width, state.model->name.size());
  std::string out = "models in " + dir + "\n";
  for (const ModelState& state : states) {
    const Model& model = *state.model;
    out += "  " + Padded(model.name, width + 2) + Padded(StateName(state.state), 9) +
           Padded(PrintSize(model.size()), 10) + model.purpose + "\n";
    out += std::string(width + 4, ' ') + "version " + model.version + ", " + model.licence;
    for (const Source& source : model.sources) out += ", " + SourceName(source);
    out += "\n";
  }
  return out;
}

std::string RenderVerify(const std::vector<ModelState>& states) {
  std::string out;
  int64_t bytes = 0;
  size_t faults = 0;
  for (const ModelState& state : states) {
    for (const FileState& file : state.files) {
      const std::string name = state.model->name + "/" + file.file->path;
      if (file.state == State::kIntact) {
        out += "ok    " + name + "  " + file.file->sha256.substr(0, 12) + "\n";
        bytes += file.file->size;
      } else {
        out += "FAIL  " + name + ": " + file.detail + "\n";
        ++faults;
      }
    }
  }
  out += faults == 0 ? "all files are what the manifest says (" + PrintSize(bytes) + ")\n"
                     : std::to_string(faults) + " files are not: parley models fetch\n";
  return out;
}

bool AllIntact(const std::vector<ModelState>& states) {
  return std::all_of(states.begin(), states.end(),
                     [](const ModelState& state) { return state.state == State::kIntact; });
}

std::string RenderFetch(const FetchReport& report, const std::string& dir) {
  std::string out;
  for (const Model* model : report.fetched) {
    out += "fetched and verified " + model->name + " (" + PrintSize(model->size()) + ")\n";
  }
  for (const Model* model : report.already)
    out += "already there and intact: " + model->name + "\n";
  return out + "models in " + dir + "\n";
}

ConsoleProgress::ConsoleProgress(std::FILE* out) : out_(out), terminal_(isatty(fileno(out)) != 0) {}

bool ConsoleProgress::operator()(const Progress& progress) {
  using std::chrono::steady_clock;
  std::string what = std::string(progress.model) + ": " + std::string(progress.what);
  if (what_ != what) {
    what_ = std::move(what);
    shown_ = -1;
    begun_ = steady_clock::now();
  }
  const std::chrono::duration<double> spent = steady_clock::now() - begun_;
  const bool end = progress.done == progress.total;
  constexpr int64_t kSmall = 10'000'000;  // one line is enough, at its end
  const int64_t quarters = progress.total < kSmall ? 0 : 4 * progress.done / progress.total;
  const int64_t step = terminal_ ? static_cast<int64_t>(spent.count() * 10) : quarters;
  if (!end && (step == shown_ || (!terminal_ && step == 0))) return true;
  shown_ = step;
  const std::string line =
      "  " + what_ + "  " + PrintSize(progress.done) + " of " + PrintSize(progress.total);
  std::fprintf(out_, terminal_ ? "\r%s\x1b[K%s" : "%s%s", line.c_str(),
               end || !terminal_ ? "\n" : "");
  std::fflush(out_);
  return true;
}

}  // namespace parley::fetch
