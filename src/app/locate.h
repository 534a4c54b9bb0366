// Where a model is: a name of the manifest, a file or a folder.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "common/result.h"

namespace parley::app {

// A name of the manifest becomes its folder under `root`, else the folder of that name that is shipped with the program
// (models/ beside the build folder, share/parley/models of an installation); a path stays what it is.
Result<std::string> LocateModel(const std::string& root, const std::string& name);

// The folder of a model that is shipped with the program; empty when it is not there.
std::string ShippedModel(const std::string& name);

// A language model: weights, and an update over them when it is shipped as one (`nano`).
struct LanguageModelFiles {
  std::string weights;  // a file, or the folder of a Hugging Face model
  std::string update;   // empty: none
  std::string home;     // where its style.json is looked for
};
Result<LanguageModelFiles> LocateLanguageModel(const std::string& root, const std::string& name);

// The only file of a folder that ends so; a file is taken as it is.
Result<std::string> FileIn(const std::string& path, const std::string& extension);

}  // namespace parley::app
