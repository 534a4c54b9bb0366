// SPDX-License-Identifier: Apache-2.0
#include "weights/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace parley::weights {
namespace {

Error SystemError(const std::string& path, const char* verb) {
  const int number = errno;
  return Fail(number == ENOENT ? Code::kNotFound : Code::kIo,
              path + ": cannot " + verb + ": " + std::strerror(number));
}

}  // namespace

Result<std::shared_ptr<const MappedFile>> MappedFile::Open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return SystemError(path, "open");
  struct stat info = {};
  if (::fstat(fd, &info) != 0) {
    Error error = SystemError(path, "stat");
    ::close(fd);
    return error;
  }
  if (!S_ISREG(info.st_mode) || info.st_size <= 0) {
    ::close(fd);
    return Fail(Code::kCorruptData,
                path + ": found " + (S_ISREG(info.st_mode) ? "an empty file" : "no regular file") +
                    ", expected model weights; fetch it again");
  }
  const auto size = static_cast<size_t>(info.st_size);
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (address == MAP_FAILED) {
    Error error = SystemError(path, "map");
    ::close(fd);
    return error;
  }
  ::close(fd);
  // Weights are read once, front to back: read ahead generously, and let go of pages that were read.
  ::madvise(address, size, MADV_SEQUENTIAL);
  return std::shared_ptr<const MappedFile>(
      new MappedFile(path, {static_cast<const std::byte*>(address), size}));
}

MappedFile::~MappedFile() { ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size()); }

}  // namespace parley::weights
