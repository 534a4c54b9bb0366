// SPDX-License-Identifier: Apache-2.0
#include "server/access.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "support/temp_file.h"

namespace parley::server {
namespace {

wire::Request From(std::map<std::string, std::string, std::less<>> headers) {
  wire::Request request;
  request.path = "/v1/realtime";
  request.headers = std::move(headers);
  request.peer = "127.0.0.1";
  return request;
}

// Nothing: it may come in, and then as whom.
int Status(const Access& access, const wire::Request& request, Access::Guest* guest = nullptr) {
  Access::Guest nobody;
  const auto refusal = access.Refuse(request, guest != nullptr ? *guest : nobody);
  return refusal ? refusal->status : 200;
}

Access WithKeys(const char* keys) {
  setenv("PARLEY_API_KEYS", keys, 1);
  auto access = Access::Open({});
  unsetenv("PARLEY_API_KEYS");
  return *std::move(access);
}

TEST(Access, WithoutKeysLetsThisMachineIn) {
  const Access access = *Access::Open({});
  EXPECT_TRUE(access.open_to_all());
  EXPECT_EQ(Status(access, From({})), 200);
  EXPECT_EQ(Status(access, From({{"host", "localhost:8080"}})), 200);
  // A page of another host, and a name that was bent to this machine.
  EXPECT_EQ(Status(access, From({{"host", "localhost:8080"}, {"origin", "https://evil.example"}})),
            403);
  EXPECT_EQ(Status(access, From({{"host", "evil.example:8080"}})), 403);
  EXPECT_EQ(Status(access, From({{"host", "127.0.0.1:8080"}, {"origin", "http://localhost:8080"}})),
            200);
}

TEST(Access, WantsOneOfItsKeysInAnyOfThreePlaces) {
  const Access access = WithKeys("first, second");
  EXPECT_EQ(Status(access, From({})), 401);
  EXPECT_EQ(Status(access, From({{"authorization", "Bearer third"}})), 401);
  EXPECT_EQ(Status(access, From({{"authorization", "Bearer "}})), 401);
  Access::Guest guest;
  EXPECT_EQ(Status(access, From({{"authorization", "Bearer second"}}), &guest), 200);
  EXPECT_EQ(guest.key, "key 2");
  EXPECT_EQ(Status(access, From({{"api-key", "first"}}), &guest), 200);
  EXPECT_EQ(guest.key, "key 1");
  wire::Request browser = From({});
  browser.protocols = {"realtime", "openai-insecure-api-key.first"};
  EXPECT_EQ(Status(access, browser), 200);
}

TEST(Access, SecretsAreGoodUntilTheyExpireAndOnlyUntouched) {
  const Access access = WithKeys("first");
  const std::string session = "{\"instructions\":\"Be brief.\"}";
  const auto bearer = [](const std::string& secret) {
    return From({{"authorization", "Bearer " + secret}});
  };
  const int64_t never = 4'000'000'000;
  const std::string secret = access.Mint(session, never);
  EXPECT_TRUE(secret.starts_with("ek_"));
  Access::Guest guest;
  EXPECT_EQ(Status(access, bearer(secret), &guest), 200);
  EXPECT_EQ(guest.key, "ephemeral");
  EXPECT_EQ(guest.session_json, session);
  EXPECT_EQ(Status(access, bearer(access.Mint(session, 1'000'000'000))), 401) << "it has expired";
  for (size_t i = 3; i < secret.size(); ++i) {
    std::string touched = secret;
    touched[i] = touched[i] == 'A' ? 'B' : 'A';
    if (touched[i] == secret[i]) continue;
    // The last letter of base64 has bits that mean nothing.
    if (i + 1 == secret.size() || secret[i + 1] == '.') continue;
    EXPECT_EQ(Status(access, bearer(touched)), 401) << i;
  }
  EXPECT_EQ(Status(access, bearer("ek_")), 401);
  EXPECT_EQ(Status(access, bearer("ek_.")), 401);
  EXPECT_EQ(Status(WithKeys("second"), bearer(secret)), 401) << "signed by another server";
  EXPECT_EQ(Status(WithKeys("first"), bearer(secret)), 200) << "one with the same keys";
}

TEST(Access, ReadsKeysFromAFile) {
  ServerConfig config;
  config.keys_file = "/nowhere/keys";
  EXPECT_EQ(Access::Open(config).error().code, Code::kIo);
  const test::TempFile file("keys");
  std::ofstream(file.path()) << "# none yet\n\n";
  config.keys_file = file.path();
  EXPECT_EQ(Access::Open(config).error().code, Code::kInvalidArgument);
  std::ofstream(file.path()) << "# ours\n  one  \ntwo # the other\n";
  const Access access = *Access::Open(config);
  EXPECT_EQ(Status(access, From({{"api-key", "one"}})), 200);
  EXPECT_EQ(Status(access, From({{"api-key", "two"}})), 200);
  EXPECT_EQ(Status(access, From({{"api-key", "# ours"}})), 401);
}

TEST(Access, LetsPagesInThatItWasTold) {
  ServerConfig config;
  config.origins = "https://a.example, https://b.example";
  const Access access = *Access::Open(config);
  EXPECT_EQ(Status(access, From({{"origin", "https://b.example"}})), 200);
  EXPECT_EQ(Status(access, From({{"origin", "https://c.example"}})), 403);
  EXPECT_EQ(Status(access, From({{"origin", "null"}})), 403);
  config.origins = "*";
  EXPECT_EQ(Status(*Access::Open(config), From({{"origin", "https://c.example"}})), 200);
}

TEST(Access, KnowsNetworks) {
  EXPECT_TRUE(*InNetwork("10.1.2.3", "10.0.0.0/8"));
  EXPECT_FALSE(*InNetwork("11.1.2.3", "10.0.0.0/8"));
  EXPECT_TRUE(*InNetwork("192.168.7.9", "192.168.7.8/31"));
  EXPECT_FALSE(*InNetwork("192.168.7.10", "192.168.7.8/31"));
  EXPECT_TRUE(*InNetwork("10.1.2.3", "10.1.2.3"));
  EXPECT_TRUE(*InNetwork("fd00::1", "fd00::/8"));
  EXPECT_FALSE(*InNetwork("10.1.2.3", "fd00::/8"));
  for (const char* wrong : {"", "ten", "10.0.0.0/33", "10.0.0.0/-1", "fd00::/129"}) {
    EXPECT_FALSE(InNetwork("10.1.2.3", wrong).has_value()) << wrong;
  }
}

TEST(Access, BelievesForwardedAddressesOfItsProxyAlone) {
  wire::Request request = From({{"x-forwarded-for", "6.6.6.6, 203.0.113.7, 10.0.0.2"}});
  request.peer = "10.0.0.1";
  EXPECT_EQ(ClientAddress(request, ""), "10.0.0.1");
  EXPECT_EQ(ClientAddress(request, "192.168.0.0/16"), "10.0.0.1");
  // The last one that no proxy of ours wrote about itself: what stands before it can be invented.
  EXPECT_EQ(ClientAddress(request, "10.0.0.0/8"), "203.0.113.7");
  EXPECT_EQ(ClientAddress(From({}), "127.0.0.0/8"), "127.0.0.1");
}

}  // namespace
}  // namespace parley::server
