// parley: the command line. Parses, loads config, runs one subcommand, turns errors into messages and exit statuses:
// 0 done, 1 failed with a message that says what to do, 2 wrong usage.
// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include "app/ask.h"
#include "app/bench_command.h"
#include "app/config_command.h"
#include "app/doctor.h"
#include "app/models_command.h"
#include "app/options.h"
#include "app/serve.h"
#include "app/talk.h"
#include "app/version.h"
#include "common/config_yaml.h"
#include "common/log.h"

namespace parley::app {
namespace {

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kUsage = 2;

int Report(const Status& status) {
  if (status.has_value()) return kDone;
  std::fprintf(stderr, "parley: %s\n", status.error().message.c_str());
  return kFailed;
}

// Options that every command takes, and those below it: they may stand behind any of the words.
void AddCommon(CLI::App& app, CommonOptions& common) {
  for (CLI::App* command : app.get_subcommands({})) AddCommon(*command, common);
  app.add_option("--config", common.config_files, "YAML file; later files override earlier ones")
      ->type_name("FILE");
  app.add_option("--set", common.overrides, "one setting, section.key=value")
      ->type_name("KEY=VALUE");
  app.add_option("--log-level", common.log_level, "debug, info, warn, error or off")
      ->check(CLI::IsMember({"debug", "info", "warn", "error", "off"}));
}

LogLevel Level(const std::string& name) {
  if (name == "debug") return LogLevel::kDebug;
  if (name == "info") return LogLevel::kInfo;
  if (name == "error") return LogLevel::kError;
  if (name == "off") return LogLevel::kOff;
  return LogLevel::kWarn;
}

int Main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is a write error, not a death
  CLI::App app("parley: a realtime speech-to-speech agent that thinks while it listens", "parley");
  app.set_version_flag("--version", VersionText());
  app.require_subcommand(1);
  CommonOptions common;

  AskOptions ask;
  CLI::App* ask_cmd = app.add_subcommand("ask", "spoken question in, spoken answer out");
  ask_cmd->add_option("INPUT", ask.input, "sound file: WAV, FLAC or Ogg, any rate")->required();
  ask_cmd->add_option("--out", ask.out, "write the answer to this WAV file");
  ask_cmd
      ->add_option("--pace", ask.pace,
                   "realtime: at the speed of speech; fast: on a simulated clock")
      ->check(CLI::IsMember({"realtime", "fast"}));
  ask_cmd->add_option("--json", ask.json,
                      "write every event as a line of JSON; - for standard output");
  ask_cmd->add_option("--trace", ask.trace, "write a Perfetto trace");
  ask_cmd->add_option("--model", ask.model,
                      "language model: a name of `parley models list`, a file or a folder");

  ModelsOptions models;
  CLI::App* models_cmd =
      app.add_subcommand("models", "what is installed, where from, is it intact");
  AddModelsCommands(*models_cmd, models);

  ServeOptions serve;
  CLI::App* serve_cmd = app.add_subcommand(
      "serve", "the Realtime API, the web page, chat completions, health and metrics");
  serve_cmd->add_option("--listen", serve.listen, "address and port")->type_name("HOST:PORT");
  serve_cmd->add_option("--tls-cert", serve.tls_cert, "certificate, PEM")->type_name("FILE");
  serve_cmd->add_option("--tls-key", serve.tls_key, "its key, PEM")->type_name("FILE");
  serve_cmd->add_flag("--tls-self-signed", serve.self_signed,
                      "a certificate of our own, for development");
  serve_cmd->add_option("--behind-proxy", serve.proxy, "network of a proxy that does the TLS")
      ->type_name("CIDR");
  serve_cmd->add_option("--keys", serve.keys, "file of API keys, one a line")->type_name("FILE");
  serve_cmd->add_option("--origin", serve.origins, "a web page's origin that may connect")
      ->type_name("URL");
  serve_cmd->add_option("--max-sessions", serve.max_sessions, "conversations at once");
  serve_cmd->add_flag("--insecure", serve.insecure,
                      "listen where others can reach it, without keys or TLS");
  serve_cmd->add_option("--web", serve.web, "the page's files, instead of those in the program")
      ->type_name("DIR");
  serve_cmd->add_option("--model", serve.model,
                        "language model: a name of `parley models list`, a file or a folder");

  TalkOptions talk;
  CLI::App* talk_cmd = app.add_subcommand("talk", "microphone and loudspeaker");
  talk_cmd->add_option("--input-device", talk.input_device, "microphone: number or part of a name")
      ->type_name("N");
  talk_cmd
      ->add_option("--output-device", talk.output_device, "loudspeaker: number or part of a name")
      ->type_name("N");
  talk_cmd->add_flag("--list-devices", talk.list_devices, "the devices there are");
  talk_cmd->add_flag("--headphones", talk.headphones, "no echo to cancel");
  talk_cmd->add_flag("--push-to-talk", talk.push_to_talk, "turns begin and end with the space bar");
  talk_cmd->add_option("--record", talk.record, "both sides as Ogg/Opus, and the trace")
      ->type_name("DIR");
  talk_cmd
      ->add_option("--server", talk.server,
                   "a server of the Realtime API; key in $PARLEY_API_KEY or $OPENAI_API_KEY")
      ->type_name("URL");
  talk_cmd->add_flag("--any-certificate", talk.any_certificate,
                     "trust a server's own certificate, for development");
  talk_cmd->add_option("--model", talk.model,
                       "language model: a name of `parley models list`, a file or a folder");

  BenchOptions bench;
  CLI::App* bench_cmd = app.add_subcommand("bench", "every number we publish");
  AddBenchCommands(*bench_cmd, bench);

  CLI::App* doctor_cmd = app.add_subcommand(
      "doctor", "devices, models, ports: what works, and how to mend what does not");
  DoctorOptions doctor;
  doctor_cmd
      ->add_option("--gpu-gib", doctor.gpu_gib, "say what fits on GPUs with so much memory free")
      ->check(CLI::Range(1.0, 4096.0));
  CLI::App* config_cmd =
      app.add_subcommand("config", "print the config in force, every key with its meaning");

  AddCommon(app, common);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kUsage;
  }

  auto log = LogSession::Open({.level = Level(common.log_level)});
  if (!log.has_value()) return Report(std::move(log).error());
  auto config = LoadConfig(AppConfig{}, common.config_files, common.overrides);
  if (!config.has_value()) {
    Report(std::move(config).error());
    return kUsage;
  }

  if (ask_cmd->parsed()) return Report(RunAsk(ask, *config));
  if (talk_cmd->parsed()) return Report(RunTalk(talk, *config));
  if (serve_cmd->parsed()) return Report(RunServe(serve, *config));
  if (models_cmd->parsed()) return Report(RunModels(models, *config));
  if (bench_cmd->parsed()) return Report(RunBench(bench, *config));
  if (doctor_cmd->parsed()) return Report(RunDoctor(doctor, *config));
  if (config_cmd->parsed()) return Report(PrintConfig(*config));
  return kUsage;
}

}  // namespace
}  // namespace parley::app

int main(int argc, char** argv) { return parley::app::Main(argc, argv); }
