// SPDX-License-Identifier: Apache-2.0
#include "audio_io/ogg_opus_writer.h"

#include <opus/opusenc.h>

#include <algorithm>

#include "common/check.h"

namespace parley::audio {
namespace {

constexpr int kLowestHz = 8000;
constexpr int kHighestHz = 192000;
constexpr size_t kBlock = 1 << 20;  // lengths are ints in the library

}  // namespace

void OggOpusWriter::Free::operator()(OggOpusEnc* encoder) const { ope_encoder_destroy(encoder); }

OggOpusWriter::OggOpusWriter(std::string path, OggOpusEnc* encoder)
    : path_(std::move(path)), encoder_(encoder) {}
OggOpusWriter::OggOpusWriter(OggOpusWriter&&) noexcept = default;

OggOpusWriter& OggOpusWriter::operator=(OggOpusWriter&& other) noexcept {
  if (this == &other) return *this;
  if (encoder_ != nullptr) (void)Close();
  path_ = std::move(other.path_);
  encoder_ = std::move(other.encoder_);
  return *this;
}

OggOpusWriter::~OggOpusWriter() {
  if (encoder_ != nullptr) (void)Close();
}

Result<OggOpusWriter> OggOpusWriter::Create(const std::string& path, int rate_hz, int bit_rate) {
  if (rate_hz < kLowestHz || rate_hz > kHighestHz) {
    return Fail(Code::kInvalidArgument, path + ": " + std::to_string(rate_hz) +
                                            " Hz cannot be written as Opus, only 8000 to 192000");
  }
  const std::unique_ptr<OggOpusComments, void (*)(OggOpusComments*)> comments(ope_comments_create(),
                                                                              ope_comments_destroy);
  if (comments == nullptr) return Fail(Code::kExhausted, path + ": no memory for an Opus file");
  ope_comments_add(comments.get(), "ENCODER", "parley");
  int error = OPE_OK;
  OggOpusEnc* encoder = ope_encoder_create_file(path.c_str(), comments.get(), rate_hz, 1,
                                                /*family=*/0, &error);
  if (encoder == nullptr || error != OPE_OK) {
    return Fail(Code::kIo, path + ": cannot be written: " + ope_strerror(error));
  }
  OggOpusWriter writer(path, encoder);
  error = ope_encoder_ctl(encoder, OPUS_SET_BITRATE(bit_rate));
  if (error != OPE_OK) {
    writer.encoder_
        .reset();  // the library aborts when it must finish a file after a refused setting
    return Fail(Code::kInvalidArgument, path + ": Opus refuses " + std::to_string(bit_rate) +
                                            " bits a second: " + ope_strerror(error));
  }
  return writer;
}

Status OggOpusWriter::Write(std::span<const float> samples) {
  PARLEY_CHECK(encoder_ != nullptr, "the file is closed");
  while (!samples.empty()) {
    const std::span<const float> block = samples.first(std::min(samples.size(), kBlock));
    samples = samples.subspan(block.size());
    const int error =
        ope_encoder_write_float(encoder_.get(), block.data(), static_cast<int>(block.size()));
    if (error != OPE_OK) {
      return Fail(Code::kIo, path_ + ": cannot write: " + ope_strerror(error));
    }
  }
  return {};
}

Status OggOpusWriter::Close() {
  PARLEY_CHECK(encoder_ != nullptr, "the file is closed");
  const int error = ope_encoder_drain(encoder_.get());
  encoder_.reset();
  if (error != OPE_OK) {
    return Fail(Code::kIo, path_ + ": cannot be finished: " + ope_strerror(error));
  }
  return {};
}

}  // namespace parley::audio
