// SPDX-License-Identifier: Apache-2.0
#include "fetch/zip_member.h"

#include <zip.h>

#include <memory>
#include <vector>

namespace parley::fetch {
namespace {

struct CloseZip {
  void operator()(zip_t* zip) const { zip_discard(zip); }
};
struct CloseMember {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};

}  // namespace

Status ReadZipMember(const std::string& archive, const std::string& member,
                     const std::function<Status(std::string_view bytes)>& write) {
  int code = 0;
  const std::unique_ptr<zip_t, CloseZip> zip(zip_open(archive.c_str(), ZIP_RDONLY, &code));
  if (!zip) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    std::string why = zip_error_strerror(&error);
    zip_error_fini(&error);
    return Fail(Code::kCorruptData, "cannot open " + archive + " as a ZIP archive: " + why);
  }
  const std::unique_ptr<zip_file_t, CloseMember> file(zip_fopen(zip.get(), member.c_str(), 0));
  if (!file) {
    return Fail(Code::kCorruptData,
                archive + " has no readable " + member + ": " + zip_strerror(zip.get()));
  }
  std::vector<char> buffer(1 << 18);
  for (;;) {
    const zip_int64_t got = zip_fread(file.get(), buffer.data(), buffer.size());
    if (got == 0) return {};
    if (got < 0) {
      return Fail(Code::kCorruptData,
                  archive + ", " + member + ": " + zip_file_strerror(file.get()));
    }
    PARLEY_TRY_STATUS(write({buffer.data(), static_cast<size_t>(got)}));
  }
}

}  // namespace parley::fetch
