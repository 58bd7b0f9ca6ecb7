// help.cc: help texts, from the table of options.h.
#include <algorithm>

#include "options.h"
#include "text.h"

namespace fileferry::cli {
namespace {

constexpr std::size_t kWidth = 100;

// Words wrapped to lines that begin with `indent` blanks.
std::string Wrap(std::string_view text, std::size_t indent) {
  std::string out, line(indent, ' ');
  while (!text.empty()) {
    const auto space = text.find(' ');
    const std::string_view word = text.substr(0, space);
    if (line.size() > indent && line.size() + 1 + word.size() > kWidth) {
      out += line + "\n";
      line.assign(indent, ' ');
    }
    if (line.size() > indent) line += ' ';
    line += word;
    if (space == std::string_view::npos) break;
    text.remove_prefix(space + 1);
  }
  return out + line + "\n";
}

std::string OptionText(const std::vector<OptionSpec>& options) {
  std::size_t width = 0;
  std::vector<std::string> names;
  for (const OptionSpec& option : options) {
    std::string name = option.letter != 0 ? std::string("-") + option.letter + ", " : "    ";
    name += "--" + std::string(option.name) + (option.value.empty() ? "" : " " + std::string(option.value));
    names.push_back(name);
    width = std::max(width, name.size());
  }
  std::string out;
  for (std::size_t i = 0; i < options.size(); i++) {
    std::string text = Wrap(options[i].help, width + 4);
    text.replace(0, width + 4, "  " + PadRight(names[i], width) + "  ");
    out += text;
  }
  return out;
}

}  // namespace

std::string Example::Line() const {
  constexpr std::string_view kName = "fileferry ";
  const auto at = command.find(kName);
  const bool whole = at != std::string_view::npos && (at == 0 || command[at - 1] == ' ');
  return (whole ? "" : std::string(kName)) + std::string(command);
}

std::string OverviewText() {
  std::string out = "fileferry moves files between storages - folders, S3 buckets - without losing a byte.\n\n"
                    "  fileferry [-c FILE] [-e ENVIRONMENT] [--json] [-q|-v] [--log FILE] COMMAND ...\n";
  std::string_view group;
  for (const CommandSpec& command : Commands()) {
    if (command.group != group) {
      group = command.group;
      out += "\n" + std::string(group) + "\n";
    }
    out += "  " + PadRight(std::string(command.name), 16) + std::string(command.summary) + "\n";
  }
  out += "\nA storage is written\n"
         "  media, media:photos/2024/      a name of the configuration, and a place in it\n"
         "  ./files, /srv/files            a folder\n"
         "  file:///srv/storage?layout=activestorage\n"
         "  s3://bucket/prefix?endpoint=https://host&region=eu-west-1&path_style=true&profile=name\n"
         "  gs://bucket/prefix             Google Cloud Storage\n"
         "  memory:                        in memory, for trials\n";
  out += "\nOptions of all commands\n" + OptionText(GlobalOptions());
  out += "\nExamples\n"
         "  fileferry migrate ./public/uploads s3://acme/uploads   move a folder; the same command goes on after a stop\n"
         "  fileferry verify --verify full ./public/uploads s3://acme/uploads\n"
         "  fileferry rollback                                     take it back\n"
         "  fileferry help migrate                                 help for a command\n";
  out += "\nExit status: 0 all is done; 1 done, but some objects failed, differ or are missing; 2 usage or\n"
         "configuration; 3 a storage cannot be used; 4 stopped before the end, can be resumed.\n";
  return out;
}

std::string HelpText(const CommandSpec& command) {
  std::string out = "fileferry " + std::string(command.name) + ": " + std::string(command.summary) + "\n\n  fileferry " + std::string(command.name);
  if (!command.options.empty()) out += " [OPTIONS]";
  if (!command.arguments.empty()) out += " " + std::string(command.arguments);
  out += "\n";
  if (!command.text.empty()) out += "\n" + Wrap(command.text, 0);
  if (!command.options.empty()) out += "\nOptions\n";
  std::vector<OptionSpec> all;
  for (const auto* table : command.options) all.insert(all.end(), table->begin(), table->end());
  if (!all.empty()) out += OptionText(all);
  out += "\nExamples\n";
  for (const Example& example : command.examples) {
    out += "  " + example.Line() + "\n      " + std::string(example.meaning) + "\n";
  }
  out += "\nSee fileferry --help for how a storage is written and for the options of all commands.\n";
  return out;
}

}  // namespace fileferry::cli
