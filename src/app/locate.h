// Where a model is: a name of the manifest, a file or a folder.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "common/result.h"

namespace parley::app {

// A name of the manifest becomes its folder under `root`, else the folder of that name that is shipped with the program
// (models/ beside the build folder, share/parley/models of an installation); a path stays what it is.
Result<std::string> LocateModel(const std::string& root, const std::string& name);

// The folder of a model that is shipped with the program; empty when it is not there.
std::string ShippedModel(const std::string& name);

// A language model: weights, the updates over them when it is shipped so (`nano`), and an adaptor with which it hears
// through a transcriber's encoder when it is shipped as that (`nano-frames`: adaptor.safetensors over nano).
struct LanguageModelFiles {
  std::string weights;               // a file, or the folder of a Hugging Face model
  std::vector<std::string> updates;  // in the order in which they are added
  std::string home;                  // where its style.json is looked for
  std::string encoder, adaptor;      // empty: its ears, if it has some, are among the weights
};
Result<LanguageModelFiles> LocateLanguageModel(const std::string& root, const std::string& name);

// The only file of a folder that ends so; a file is taken as it is.
Result<std::string> FileIn(const std::string& path, const std::string& extension);

}  // namespace parley::app
