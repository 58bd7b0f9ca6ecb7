// options.h: what can be typed: one table of commands and options, from which parsing, help, completion and the man page are made.  Constant data; one thread.
#ifndef FILEFERRY_CLI_OPTIONS_H_
#define FILEFERRY_CLI_OPTIONS_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "fileferry/status.h"

namespace fileferry::cli {

class Session;
struct Parsed;

struct OptionSpec {
  std::string_view name;           // without "--"
  char letter = 0;                 // 0: none
  std::string_view value;          // what stands for the value in help; empty: a flag
  std::string_view help;           // one line, with the default
  std::string_view choices = {};   // "a|b|c"; empty: anything
  bool repeats = false;            // may be given several times
};

struct Example {
  std::string_view command;        // what follows "fileferry", or a whole line where "fileferry" is one of its words
  std::string_view meaning;

  std::string Line() const;        // as it is typed
};

struct CommandSpec {
  std::string_view name;           // "ls", "config show"
  std::string_view arguments;      // "SRC DST"
  std::size_t min_arguments, max_arguments;
  std::string_view group;          // the heading in the list of commands
  std::string_view summary;        // one line, no full stop
  std::string_view text;           // a paragraph or two
  std::vector<const std::vector<OptionSpec>*> options;
  std::vector<Example> examples;
  int (*run)(Session& session, const Parsed& parsed);
};

constexpr std::size_t kAnyNumber = 100000;

const std::vector<CommandSpec>& Commands();          // commands.cc
const std::vector<OptionSpec>& GlobalOptions();

struct Parsed {
  const CommandSpec* command = nullptr;              // nullptr: none was named
  bool help = false, version = false;
  std::string help_topic;                            // of "help NAME"
  std::vector<std::string> arguments;
  std::map<std::string, std::vector<std::string>, std::less<>> options;  // by long name; a flag has one empty value
  std::vector<std::string> words;                    // as typed, for "how to go on"

  bool Has(std::string_view name) const { return options.find(name) != options.end(); }
  // The last value given; fallback when the option was not given.
  std::string Get(std::string_view name, std::string_view fallback = {}) const;
  const std::vector<std::string>& All(std::string_view name) const;
};

// kInvalidArgument with one line: what is wrong, and the nearest name.
Result<Parsed> Parse(int argc, char** argv);

std::string OverviewText();                                   // fileferry --help
std::string HelpText(const CommandSpec& command);             // fileferry COMMAND --help
std::string ManPage();                                        // roff
std::string BashCompletion();
std::string ZshCompletion();

}  // namespace fileferry::cli

#endif  // FILEFERRY_CLI_OPTIONS_H_
