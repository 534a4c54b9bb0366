// SPDX-License-Identifier: Apache-2.0
#include "audio_io/sound_file.h"

#include <sndfile.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "audio_io/resampler.h"

namespace parley::audio {
namespace {

constexpr sf_count_t kBlockFrames = 4096;
constexpr int kMostChannels = 64;

struct CloseSound {
  void operator()(SNDFILE* file) const { sf_close(file); }
};
using SoundHandle = std::unique_ptr<SNDFILE, CloseSound>;

// A file in memory, as libsndfile wants to see it.
struct MemoryFile {
  std::span<const std::byte> bytes;
  sf_count_t at = 0;

  static sf_count_t Length(void* self) {
    return static_cast<sf_count_t>(static_cast<MemoryFile*>(self)->bytes.size());
  }
  static sf_count_t Seek(sf_count_t offset, int whence, void* self) {
    auto& file = *static_cast<MemoryFile*>(self);
    const sf_count_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? file.at : Length(self);
    if (base + offset < 0 || base + offset > Length(self)) return -1;
    return file.at = base + offset;
  }
  static sf_count_t Read(void* out, sf_count_t count, void* self) {
    auto& file = *static_cast<MemoryFile*>(self);
    count = std::clamp<sf_count_t>(count, 0, Length(self) - file.at);
    if (count > 0) std::memcpy(out, file.bytes.data() + file.at, static_cast<size_t>(count));
    file.at += count;
    return count;
  }
  static sf_count_t Write(const void*, sf_count_t, void*) { return 0; }
  static sf_count_t Tell(void* self) { return static_cast<MemoryFile*>(self)->at; }
};

class SndfileSound final : public SoundFile {
 public:
  SndfileSound(std::string name, SoundInfo info, int rate_hz)
      : name_(std::move(name)), info_(info), resampler_(info.rate_hz, rate_hz) {}

  std::unique_ptr<MemoryFile> memory;  // libsndfile points at it
  SoundHandle handle;

  Result<std::span<const float>> Read() override {
    while (!at_end_) {
      PARLEY_TRY(const std::span<const float> mono, ReadMono());
      at_end_ = mono.empty();
      const std::span<const float> out = at_end_ ? resampler_.Flush() : resampler_.Push(mono);
      if (!out.empty()) return out;
    }
    return std::span<const float>();
  }

  const SoundInfo& info() const override { return info_; }
  int64_t mended_samples() const override { return mended_samples_; }

 private:
  Result<std::span<const float>> ReadMono() {
    const auto channels = static_cast<size_t>(info_.channels);
    interleaved_.resize(kBlockFrames * channels);
    const sf_count_t frames = sf_readf_float(handle.get(), interleaved_.data(), kBlockFrames);
    if (const int error = sf_error(handle.get()); error != SF_ERR_NO_ERROR) {
      return Fail(Code::kCorruptData, name_ + ": broken after " + std::to_string(frames_read_) +
                                          " of " + std::to_string(info_.frames) +
                                          " frames: " + sf_error_number(error));
    }
    frames_read_ += frames;
    mono_.resize(static_cast<size_t>(frames));
    for (size_t i = 0; i < mono_.size(); ++i) {
      float sum = 0.0f;
      for (size_t c = 0; c < channels; ++c) sum += Mend(interleaved_[i * channels + c]);
      mono_[i] = sum / static_cast<float>(info_.channels);
    }
    return std::span<const float>(mono_);
  }

  float Mend(float x) {
    if (std::abs(x) <= 1.0f) return x;
    ++mended_samples_;
    return std::isnan(x) ? 0.0f : std::clamp(x, -1.0f, 1.0f);
  }

  std::string name_;
  SoundInfo info_;
  Resampler resampler_;
  std::vector<float> interleaved_;  // [frames, channels]
  std::vector<float> mono_;
  int64_t frames_read_ = 0;
  int64_t mended_samples_ = 0;
  bool at_end_ = false;
};

Result<std::unique_ptr<SoundFile>> Examine(const std::string& name, SoundHandle handle,
                                           const SF_INFO& found, int rate_hz) {
  if (handle == nullptr) {
    // Without a handle the library keeps the reason in a global of its own.
    return Fail(Code::kUnsupported, name + ": not a sound file that can be read (" +
                                        sf_strerror(nullptr) + "); give a WAV, FLAC or Ogg file");
  }
  if (found.frames <= 0) {
    return Fail(Code::kInvalidArgument, name + ": a sound file without a single sample");
  }
  if (found.samplerate < Resampler::kLowestHz || found.samplerate > Resampler::kHighestHz) {
    return Fail(Code::kUnsupported, name + ": has " + std::to_string(found.samplerate) +
                                        " samples a second, expected " +
                                        std::to_string(Resampler::kLowestHz) + " to " +
                                        std::to_string(Resampler::kHighestHz));
  }
  if (found.channels < 1 || found.channels > kMostChannels) {
    return Fail(Code::kUnsupported, name + ": has " + std::to_string(found.channels) +
                                        " channels, expected 1 to " +
                                        std::to_string(kMostChannels));
  }
  const SoundInfo info{
      .rate_hz = found.samplerate, .channels = found.channels, .frames = found.frames};
  auto sound = std::make_unique<SndfileSound>(name, info, rate_hz);
  sound->handle = std::move(handle);
  return std::unique_ptr<SoundFile>(std::move(sound));
}

}  // namespace

Result<std::unique_ptr<SoundFile>> SoundFile::Open(const std::string& path, int rate_hz) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    return Fail(Code::kNotFound, path + ": no such file");
  }
  if (std::filesystem::is_directory(path, ignored)) {
    return Fail(Code::kInvalidArgument, path + ": is a directory, expected a sound file");
  }
  SF_INFO found{};
  SoundHandle handle(sf_open(path.c_str(), SFM_READ, &found));
  return Examine(path, std::move(handle), found, rate_hz);
}

Result<std::unique_ptr<SoundFile>> SoundFile::OpenMemory(std::span<const std::byte> bytes,
                                                         const std::string& name, int rate_hz) {
  SF_VIRTUAL_IO io{.get_filelen = MemoryFile::Length,
                   .seek = MemoryFile::Seek,
                   .read = MemoryFile::Read,
                   .write = MemoryFile::Write,
                   .tell = MemoryFile::Tell};
  auto memory = std::make_unique<MemoryFile>(MemoryFile{.bytes = bytes});
  SF_INFO found{};
  SoundHandle handle(sf_open_virtual(&io, SFM_READ, &found, memory.get()));
  PARLEY_TRY(std::unique_ptr<SoundFile> sound, Examine(name, std::move(handle), found, rate_hz));
  static_cast<SndfileSound&>(*sound).memory = std::move(memory);
  return sound;
}

Result<std::vector<float>> ReadSound(const std::string& path, double max_seconds, int rate_hz) {
  PARLEY_TRY(const std::unique_ptr<SoundFile> file, SoundFile::Open(path, rate_hz));
  const auto most = static_cast<size_t>(max_seconds * rate_hz);
  std::vector<float> samples;
  for (;;) {
    PARLEY_TRY(const std::span<const float> block, file->Read());
    if (block.empty()) return samples;
    if (samples.size() + block.size() > most) {
      return Fail(Code::kExhausted, path + ": longer than " + std::to_string(max_seconds) +
                                        " s, which is the most that is read at once");
    }
    samples.insert(samples.end(), block.begin(), block.end());
  }
}

}  // namespace parley::audio
