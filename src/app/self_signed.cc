// SPDX-License-Identifier: Apache-2.0
#include "app/self_signed.h"

#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>

namespace parley::app {
namespace {

namespace fs = std::filesystem;

constexpr long kDays = 365;
constexpr long kSpareDays = 7;

template <class T, void (*free)(T*)>
struct Freed {
  void operator()(T* thing) const { free(thing); }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY, EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509, X509_free>>;
struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

fs::path StateDir() {
  if (const char* state = std::getenv("XDG_STATE_HOME"); state != nullptr && *state != 0) {
    return fs::path(state) / "parley";
  }
  const char* home = std::getenv("HOME");
  return fs::path(home != nullptr ? home : "/tmp") / ".local/state/parley";
}

// Is there one for these names, good for a while?
bool StillGood(const std::string& file, const std::string& host) {
  const File in(std::fopen(file.c_str(), "r"));
  if (!in) return false;
  const Certificate cert(PEM_read_X509(in.get(), nullptr, nullptr, nullptr));
  if (!cert) return false;
  time_t soon = time(nullptr) + kSpareDays * 86400;
  if (X509_cmp_time(X509_get0_notAfter(cert.get()), &soon) <= 0) return false;
  return X509_check_ip_asc(cert.get(), host.c_str(), 0) == 1 ||
         X509_check_host(cert.get(), host.c_str(), host.size(), 0, nullptr) == 1;
}

bool AddExtension(X509* cert, int what, const std::string& value) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, what, value.c_str());
  if (extension == nullptr) return false;
  const bool added = X509_add_ext(cert, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

Certificate Make(EVP_PKEY* key, const std::string& host) {
  Certificate cert(X509_new());
  X509_set_version(cert.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), static_cast<long>(time(nullptr)));
  X509_gmtime_adj(X509_getm_notBefore(cert.get()), -86400);
  X509_gmtime_adj(X509_getm_notAfter(cert.get()), kDays * 86400);
  X509_set_pubkey(cert.get(), key);
  X509_NAME* name = X509_get_subject_name(cert.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("parley (self-signed)"), -1, -1,
                             0);
  X509_set_issuer_name(cert.get(), name);
  const bool number = host.find_first_not_of("0123456789.") == std::string::npos ||
                      host.find(':') != std::string::npos;
  const std::string names =
      "DNS:localhost,IP:127.0.0.1,IP:::1," + std::string(number ? "IP:" : "DNS:") + host;
  if (!AddExtension(cert.get(), NID_subject_alt_name, names) ||
      !AddExtension(cert.get(), NID_basic_constraints, "critical,CA:TRUE") ||
      X509_sign(cert.get(), key, EVP_sha256()) == 0) {
    return nullptr;
  }
  return cert;
}

}  // namespace

Status MakeSelfSigned(const std::string& host, std::string& cert_file, std::string& key_file) {
  const fs::path dir = StateDir();
  std::error_code failed;
  fs::create_directories(dir, failed);
  if (failed) return Fail(Code::kIo, "cannot make " + dir.string() + ": " + failed.message());
  cert_file = (dir / "self-signed.crt").string();
  key_file = (dir / "self-signed.key").string();
  if (StillGood(cert_file, host) && fs::exists(key_file)) return {};

  const Key key(EVP_EC_gen("P-256"));
  const Certificate cert = key ? Make(key.get(), host) : nullptr;
  if (!cert) return Fail(Code::kIo, "OpenSSL could not make a certificate for " + host);
  fs::remove(key_file, failed);
  const int descriptor = open(key_file.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0600);
  const File key_out(descriptor < 0 ? nullptr : fdopen(descriptor, "w"));
  const File cert_out(std::fopen(cert_file.c_str(), "w"));
  if (!key_out || !cert_out ||
      PEM_write_PrivateKey(key_out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1 ||
      PEM_write_X509(cert_out.get(), cert.get()) != 1) {
    return Fail(Code::kIo, "cannot write the certificate to " + dir.string());
  }
  return {};
}

}  // namespace parley::app
