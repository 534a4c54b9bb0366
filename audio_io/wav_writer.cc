// SPDX-License-Identifier: Apache-2.0
#include "audio_io/wav_writer.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <limits>

#include "audio_io/sample_format.h"
#include "common/check.h"

namespace parley::audio {
namespace {

constexpr size_t kHeaderBytes = 44;
constexpr int kBytesPerSample = 2;
constexpr int64_t kMostSamples =
    (std::numeric_limits<uint32_t>::max() - int64_t{kHeaderBytes}) / kBytesPerSample;

class HeaderBytes {
 public:
  void Tag(const char* four) {
    for (int i = 0; i < 4; ++i) bytes_[at_++] = static_cast<uint8_t>(four[i]);
  }
  void Number(uint32_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) bytes_[at_++] = static_cast<uint8_t>(value >> (8 * i));
  }
  const std::array<uint8_t, kHeaderBytes>& Done() const {
    PARLEY_CHECK(at_ == kHeaderBytes, "the header of a WAV file has 44 bytes");
    return bytes_;
  }

 private:
  std::array<uint8_t, kHeaderBytes> bytes_{};
  size_t at_ = 0;
};

HeaderBytes MakeHeader(int rate_hz, int64_t samples) {
  const auto data_bytes = static_cast<uint32_t>(samples * kBytesPerSample);
  HeaderBytes header;
  header.Tag("RIFF");
  header.Number(data_bytes + kHeaderBytes - 8, 4);
  header.Tag("WAVE");
  header.Tag("fmt ");
  header.Number(16, 4);
  header.Number(1, 2);  // PCM
  header.Number(1, 2);  // mono
  header.Number(static_cast<uint32_t>(rate_hz), 4);
  header.Number(static_cast<uint32_t>(rate_hz) * kBytesPerSample, 4);
  header.Number(kBytesPerSample, 2);
  header.Number(8 * kBytesPerSample, 2);
  header.Tag("data");
  header.Number(data_bytes, 4);
  return header;
}

}  // namespace

void WavWriter::CloseFile::operator()(std::FILE* file) const { std::fclose(file); }

WavWriter::WavWriter(std::string path, int rate_hz, std::FILE* file)
    : path_(std::move(path)), rate_hz_(rate_hz), file_(file) {}
WavWriter::WavWriter(WavWriter&&) noexcept = default;

WavWriter& WavWriter::operator=(WavWriter&& other) noexcept {
  if (this == &other) return *this;
  if (file_ != nullptr) (void)Close();
  path_ = std::move(other.path_);
  rate_hz_ = other.rate_hz_;
  file_ = std::move(other.file_);
  bytes_ = std::move(other.bytes_);
  samples_ = other.samples_;
  samples_in_header_ = other.samples_in_header_;
  return *this;
}

WavWriter::~WavWriter() {
  if (file_ != nullptr) (void)Close();
}

Error WavWriter::Failed(const char* what) const {
  return Fail(Code::kIo, path_ + ": " + what + ": " + std::strerror(errno));
}

Result<WavWriter> WavWriter::Create(const std::string& path, int rate_hz) {
  PARLEY_CHECK(rate_hz > 0, "a WAV file has a rate");
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) {
    return Fail(Code::kIo, path + ": cannot be written: " + std::strerror(errno));
  }
  WavWriter writer(path, rate_hz, file);
  PARLEY_TRY_STATUS(writer.UpdateHeader());
  return writer;
}

Status WavWriter::UpdateHeader() {
  const HeaderBytes header = MakeHeader(rate_hz_, samples_);
  if (std::fseek(file_.get(), 0, SEEK_SET) != 0 ||
      std::fwrite(header.Done().data(), 1, kHeaderBytes, file_.get()) != kHeaderBytes ||
      std::fseek(file_.get(), 0, SEEK_END) != 0 || std::fflush(file_.get()) != 0) {
    return Failed("cannot write the header");
  }
  samples_in_header_ = samples_;
  return {};
}

Status WavWriter::Write(std::span<const float> samples) {
  PARLEY_CHECK(file_ != nullptr, "the file is closed");
  if (samples_ + static_cast<int64_t>(samples.size()) > kMostSamples) {
    return Fail(Code::kExhausted, path_ + ": a WAV file ends at 4 GiB; start another");
  }
  if (samples.empty()) return {};
  bytes_.clear();
  for (const float x : samples) {
    const auto value = static_cast<uint16_t>(ToInt16(x));
    bytes_.push_back(static_cast<uint8_t>(value));
    bytes_.push_back(static_cast<uint8_t>(value >> 8));
  }
  if (std::fwrite(bytes_.data(), 1, bytes_.size(), file_.get()) != bytes_.size()) {
    return Failed("cannot write");
  }
  samples_ += static_cast<int64_t>(samples.size());
  if (samples_ - samples_in_header_ >= rate_hz_) return UpdateHeader();
  return {};
}

Status WavWriter::Close() {
  PARLEY_CHECK(file_ != nullptr, "the file is closed");
  Status status = UpdateHeader();
  // fclose reports what the disk refused only now.
  if (std::fclose(file_.release()) != 0 && status) status = Failed("cannot be finished");
  return status;
}

}  // namespace parley::audio
