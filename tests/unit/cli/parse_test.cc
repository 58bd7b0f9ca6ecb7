// parse_test.cc: the command line, help, completion and man page.
#include <doctest/doctest.h>

#include <set>

#include "cli/options.h"
#include "cli/text.h"

using namespace fileferry;
using namespace fileferry::cli;

namespace {

Result<Parsed> ParseWords(std::vector<std::string> words) {
  static std::string program = "fileferry";
  std::vector<char*> argv = {program.data()};
  for (std::string& word : words) argv.push_back(word.data());
  return Parse(static_cast<int>(argv.size()), argv.data());
}

std::string Why(std::vector<std::string> words) {
  const auto parsed = ParseWords(std::move(words));
  REQUIRE_FALSE(parsed.ok());
  CHECK(parsed.code() == Code::kInvalidArgument);
  return std::string(parsed.status().message());
}

}  // namespace

TEST_CASE("options may stand anywhere, in every usual form") {
  const auto parsed = ParseWords({"--json", "-c", "a.yml", "copy", "--transfers=4", "./a", "-n", "--include", "*.jpg", "./b", "--include=*.png", "-qy"});
  REQUIRE_MESSAGE(parsed.ok(), std::string(parsed.status().message()));
  CHECK(parsed->command->name == "copy");
  CHECK(parsed->arguments == std::vector<std::string>{"./a", "./b"});
  CHECK(parsed->Get("config") == "a.yml");
  CHECK(parsed->Get("transfers") == "4");
  CHECK(parsed->Has("dry-run"));
  CHECK(parsed->Has("quiet"));
  CHECK(parsed->Has("yes"));
  CHECK(parsed->All("include") == std::vector<std::string>{"*.jpg", "*.png"});
  CHECK(parsed->Get("bwlimit", "none") == "none");
}

TEST_CASE("arguments that look like options, and odd ones, arrive as they are") {
  const auto parsed = ParseWords({"stat", "--", "-x", "--help", "{}", "", "a\nb", "[1,2]"});
  REQUIRE(parsed.ok());
  CHECK_FALSE(parsed->help);
  CHECK(parsed->arguments == std::vector<std::string>{"-x", "--help", "{}", "", "a\nb", "[1,2]"});
  CHECK(ParseWords({"put", "-", "media:x"})->arguments[0] == "-");
}

TEST_CASE("commands of two words") {
  CHECK(ParseWords({"config", "show", "media"})->command->name == "config show");
  CHECK(ParseWords({"-c", "x", "config", "--json", "validate"})->command->name == "config validate");
  CHECK(Why({"config"}) == "config needs to know what: config show, config validate");
  CHECK(Why({"config", "sho"}) == "there is no command 'config sho': did you mean 'config show'?");
}

TEST_CASE("what is wrong is named, with the nearest name") {
  CHECK(Why({"migarte", "a", "b"}) == "there is no command 'migarte': did you mean 'migrate'?");
  CHECK(Why({"frobnicate"}) == "there is no command 'frobnicate': see fileferry --help");
  CHECK(Why({"copy", "--transfer", "4", "a", "b"}) == "there is no option --transfer of copy: did you mean --transfers?");
  CHECK(Why({"copy", "-Z", "a", "b"}) == "there is no option -Z of copy: see fileferry copy --help");
  CHECK(Why({"copy", "a"}) == "copy needs one more argument: write fileferry copy SRC DST");
  CHECK(Why({"copy", "a", "b", "c"}) == "copy has no place for 'c': write fileferry copy SRC DST");
  CHECK(Why({"copy", "a", "b", "--transfers"}) == "--transfers needs a value: write --transfers N");
  CHECK(Why({"copy", "a", "b", "--dry-run=yes"}) == "--dry-run takes no value: write --dry-run alone");
  CHECK(Why({"copy", "a", "b", "--overwrite", "change"}) == "--overwrite cannot be 'change': did you mean 'changed'?");
  CHECK(Why({"copy", "a", "b", "--limit", "1", "--limit", "2"}) == "--limit is given twice with different values: keep one");
  CHECK(Why({"sync", "media:"}).find("there is no command 'sync'") == 0);
}

TEST_CASE("help of everything teaches with examples that parse") {
  CHECK(ParseWords({"help", "migrate"})->command->name == "migrate");
  CHECK(ParseWords({"migrate", "--help"})->help);
  CHECK(ParseWords({"help"})->help);
  const std::string overview = OverviewText();
  std::set<std::string_view> names;
  for (const CommandSpec& command : Commands()) {
    CHECK(names.insert(command.name).second);
    CHECK(overview.find("\n  " + std::string(command.name) + " ") != std::string::npos);
    CHECK_FALSE(command.summary.ends_with('.'));
    const std::string help = HelpText(command);
    CHECK_MESSAGE(!command.examples.empty(), command.name);
    for (const Example& example : command.examples) {
      CHECK(help.find(example.command) != std::string::npos);
      // Split as a shell does, as far as the examples need it; pipes and redirections end the command.
      std::string text(example.command);
      const auto ours = text.rfind("fileferry ");
      if (ours != std::string::npos) text = text.substr(ours + 10);
      std::vector<std::string> words;
      std::string word;
      bool quoted = false, any = false;
      for (char c : text + " ") {
        if (c == '\'') {
          quoted = !quoted;
          any = true;
        } else if (c == ' ' && !quoted) {
          if (word == "|" || word == ">") break;
          if (any || !word.empty()) words.push_back(word);
          word.clear();
          any = false;
        } else {
          word += c;
        }
      }
      const auto parsed = ParseWords(words);
      CHECK_MESSAGE(parsed.ok(), example.command << ": " << std::string(parsed.status().message()));
      if (parsed.ok()) CHECK(parsed->command == &command);
    }
    std::set<std::string_view> options;
    std::set<char> letters;
    for (const auto* table : command.options) {
      for (const OptionSpec& option : *table) {
        CHECK_MESSAGE(options.insert(option.name).second, command.name << " has --" << option.name << " twice");
        if (option.letter != 0) CHECK(letters.insert(option.letter).second);
        CHECK(help.find("--" + std::string(option.name)) != std::string::npos);
      }
    }
    for (const OptionSpec& option : GlobalOptions()) {
      CHECK(options.insert(option.name).second);
      if (option.letter != 0) CHECK_MESSAGE(letters.insert(option.letter).second, command.name << " uses -" << option.letter);
    }
    for (std::size_t at = 0, end = 0; at < help.size(); at = end + 1) {
      end = std::min(help.find('\n', at), help.size());
      CHECK_MESSAGE(DisplayWidth(help.substr(at, end - at)) <= 130, help.substr(at, end - at));
    }
  }
}

TEST_CASE("the options that were agreed on exist") {
  for (const std::string command : {"copy", "migrate", "plan"}) {
    const auto parsed = ParseWords({command, "a", "b", "--transfers", "16", "--checkers", "8", "--bwlimit", "10M", "--window", "22:00-06:00", "--include", "a", "--exclude", "b", "--filter-from", "f",
                                    "--min-size", "1", "--max-size", "2", "--newer-than", "1d", "--older-than", "1d", "--content-type", "a/b", "--keys-from", "k", "--limit", "1", "--batch-size", "10",
                                    "--delay", "50ms", "--map", "same", "--overwrite", "never", "--verify", "none", "--digest", "crc64", "--dry-run", "--shard", "0/2", "--delete-source", "--archive", "x",
                                    "--links", "skip", "--preserve", "acl,tags", "--progress", "--stats-interval", "1s", "--yes"});
    CHECK_MESSAGE(parsed.ok(), command << ": " << std::string(parsed.status().message()));
  }
  for (const std::string command : {"verify", "missing"})
    CHECK(ParseWords({command, "a", "b", "--transfers", "16", "--verify", "full", "--include", "a", "--map", "same", "--no-progress", "--yes", "--keys-from", "k"}).ok());
  for (const std::string command : {"status", "retry", "cleanup", "rollback", "report", "verify"}) CHECK(ParseWords({command, "--journal", "x"}).ok());
}

TEST_CASE("completion and man page name every command and option") {
  const std::string bash = BashCompletion(), zsh = ZshCompletion(), man = ManPage();
  for (const CommandSpec& command : Commands()) {
    CHECK(bash.find("'" + std::string(command.name) + "')") != std::string::npos);
    CHECK(man.find(".SS fileferry " + std::string(command.name)) != std::string::npos);
    for (const auto* table : command.options) {
      for (const OptionSpec& option : *table) {
        CHECK(bash.find("--" + std::string(option.name)) != std::string::npos);
        CHECK(zsh.find("--" + std::string(option.name)) != std::string::npos);
      }
    }
  }
}
