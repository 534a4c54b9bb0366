// A tool: what a model may ask for besides words. The seam behind which tools of this machine, of
// a client, or of a test live.
// Thread:   Run is called on the conversation's executor and must not block; `done` may be called
//           from any thread, also before Run returns, and only the first call counts.
// Memory:   a request owns what it carries.
// Overload: ToolRunner bounds how many run.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/result.h"

namespace parley::realtime {

struct ToolSpec {
  std::string name;
  std::string description;
  // JSON schema of the arguments: an object with "properties" and "required".
  std::string parameters = R"({"type":"object","properties":{}})";
};

struct ToolRequest {
  std::string call_id;
  std::string arguments;                            // a JSON object that fits the schema
  std::shared_ptr<const std::atomic<bool>> wanted;  // false: nobody waits any more
};

// What a tool has to say by itself, later: "The timer of 5 minutes is over." It is spoken, so its
// words are ours: none that a model wrote as an argument may stand in it.
struct ToolNotice {
  std::string text;
};
using ToolNotices = std::function<void(const ToolNotice&)>;

class Tool {
 public:
  using Done = std::function<void(Result<std::string>)>;  // what the model reads

  virtual ~Tool() = default;
  virtual const ToolSpec& spec() const = 0;
  virtual void Run(ToolRequest request, Done done) = 0;
};

// kInvalidArgument: no name, or a schema that is not one of an object.
Status CheckSpec(const ToolSpec& spec);

// kInvalidArgument says which argument is missing, unknown or of the wrong type: the outermost
// level of the schema is checked ("properties", "required", "type", "enum").
Status CheckArguments(const ToolSpec& spec, const std::string& arguments);

// How tools are offered in a system turn. One line each, "name(arg, arg): what it does", for a model
// that takes notes; the whole schema as one JSON object a line, for the others.
std::string ToolLine(const ToolSpec& spec);
std::string ToolJson(const ToolSpec& spec);

}  // namespace parley::realtime
