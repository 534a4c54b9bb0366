// What this build is: version, revision, compiler, kind of build. Printed by --version, doctor and every bench.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace parley::app {

std::string VersionText();

}  // namespace parley::app
