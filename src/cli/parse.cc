// parse.cc: the command line by the table of options.h: options anywhere, --name value, --name=value, -n value, "--" ends options.  One thread.
#include <algorithm>

#include "options.h"
#include "text.h"

namespace fileferry::cli {
namespace {

Status Bad(std::string message) { return {Code::kInvalidArgument, std::move(message)}; }

std::vector<const OptionSpec*> OptionsOf(const CommandSpec* command) {
  std::vector<const OptionSpec*> all;
  if (command != nullptr) {
    for (const auto* table : command->options) {
      for (const OptionSpec& option : *table) all.push_back(&option);
    }
  }
  for (const OptionSpec& option : GlobalOptions()) all.push_back(&option);
  return all;
}

std::string Hint(const CommandSpec* command) { return command == nullptr ? "see fileferry --help" : "see fileferry " + std::string(command->name) + " --help"; }

class Parser {
 public:
  Parser(int argc, char** argv) : words_(argv + 1, argv + argc) {}

  Result<Parsed> Run() {
    parsed_.words = words_;
    FindCommand();
    if (!status_.ok()) return status_;
    bool only_arguments = false;
    for (at_ = 0; at_ < words_.size() && status_.ok(); at_++) {
      const std::string& word = words_[at_];
      if (taken_.count(at_) != 0) continue;
      if (only_arguments || word.size() < 2 || word[0] != '-') {
        parsed_.arguments.push_back(word);
      } else if (word == "--") {
        only_arguments = true;
      } else if (word[1] == '-') {
        TakeLong(std::string_view(word).substr(2));
      } else {
        TakeLetters(std::string_view(word).substr(1));
      }
    }
    if (!status_.ok()) return status_;
    parsed_.help = parsed_.help || parsed_.Has("help");
    parsed_.version = parsed_.Has("version");
    if (!parsed_.help && !parsed_.version && parsed_.command != nullptr) CheckCount();
    if (!status_.ok()) return status_;
    return parsed_;
  }

 private:
  // The first words that are neither an option nor the value of a global option name the command.
  void FindCommand() {
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < words_.size() && places.size() < 2; i++) {
      const std::string& word = words_[i];
      if (word == "--") break;
      if (word.size() >= 2 && word[0] == '-') {
        if (TakesNextWord(word)) i++;
        continue;
      }
      places.push_back(i);
      if (places.size() == 1 && !IsFirstOfTwo(word)) break;
    }
    if (places.empty()) return;
    const std::string& first = words_[places[0]];
    if (first == "help") {
      parsed_.help = true;
      taken_[places[0]] = true;
      for (std::size_t i = places[0] + 1; i < words_.size(); i++) {
        if (words_[i].empty() || words_[i][0] != '-') parsed_.help_topic += (parsed_.help_topic.empty() ? "" : " ") + words_[i];
        taken_[i] = true;
      }
      Name(parsed_.help_topic);
      return;
    }
    std::string name = first;
    taken_[places[0]] = true;
    if (IsFirstOfTwo(first)) {
      if (places.size() < 2) {
        if (WantsHelp()) {
          parsed_.help_topic = first;
          parsed_.help = true;
        } else {
          status_ = Bad(first + " needs to know what: " + SecondWords(first));
        }
        return;
      }
      name += " " + words_[places[1]];
      taken_[places[1]] = true;
    }
    Name(name);
  }

  bool WantsHelp() const { return std::find(words_.begin(), words_.end(), "--help") != words_.end() || std::find(words_.begin(), words_.end(), "-h") != words_.end(); }

  void Name(const std::string& name) {
    if (name.empty()) return;
    std::vector<std::string> names;
    for (const CommandSpec& command : Commands()) {
      names.emplace_back(command.name);
      if (command.name == name) parsed_.command = &command;
    }
    if (parsed_.command != nullptr) return;
    if (IsFirstOfTwo(name)) {
      parsed_.help_topic = name;
      return;
    }
    const std::string nearest = Nearest(name, names);
    status_ = Bad("there is no command '" + Printable(name) + "': " + (nearest.empty() ? "see fileferry --help" : "did you mean '" + nearest + "'?"));
  }

  static bool IsFirstOfTwo(std::string_view word) {
    return std::any_of(Commands().begin(), Commands().end(), [&](const CommandSpec& command) { return command.name.substr(0, word.size() + 1) == std::string(word) + " "; });
  }

  static std::string SecondWords(std::string_view first) {
    std::string list;
    for (const CommandSpec& command : Commands()) {
      if (command.name.substr(0, first.size() + 1) == std::string(first) + " ") list += (list.empty() ? "" : ", ") + std::string(command.name);
    }
    return list;
  }

  // Before the command is known only global options can be told from arguments.
  static bool TakesNextWord(std::string_view word) {
    for (const OptionSpec& option : GlobalOptions()) {
      if (option.value.empty()) continue;
      if (word == "--" + std::string(option.name)) return true;
      if (option.letter != 0 && word.size() == 2 && word[1] == option.letter) return true;
    }
    return false;
  }

  void TakeLong(std::string_view text) {
    const auto equals = text.find('=');
    const std::string_view name = text.substr(0, equals);
    const OptionSpec* found = nullptr;
    std::vector<std::string> names;
    for (const OptionSpec* option : OptionsOf(parsed_.command)) {
      names.emplace_back(option->name);
      if (option->name == name) found = option;
    }
    if (found == nullptr) {
      const std::string nearest = Nearest(name, names);
      status_ = Bad("there is no option --" + Printable(name) + (parsed_.command == nullptr ? "" : " of " + std::string(parsed_.command->name)) + ": " +
                    (nearest.empty() ? Hint(parsed_.command) : "did you mean --" + nearest + "?"));
      return;
    }
    const bool has_value = equals != std::string_view::npos;
    if (found->value.empty()) {
      if (has_value) {
        status_ = Bad("--" + std::string(name) + " takes no value: write --" + std::string(name) + " alone");
        return;
      }
      Store(*found, "");
    } else if (has_value) {
      Store(*found, std::string(text.substr(equals + 1)));
    } else {
      StoreNext(*found, "--" + std::string(name));
    }
  }

  void TakeLetters(std::string_view letters) {
    while (!letters.empty() && status_.ok()) {
      const OptionSpec* found = nullptr;
      for (const OptionSpec* option : OptionsOf(parsed_.command)) {
        if (option->letter == letters[0]) found = option;
      }
      if (found == nullptr) {
        status_ = Bad("there is no option -" + Printable(letters.substr(0, 1)) + (parsed_.command == nullptr ? "" : " of " + std::string(parsed_.command->name)) + ": " + Hint(parsed_.command));
        return;
      }
      const std::string shown = std::string("-") + letters[0];
      letters.remove_prefix(1);
      if (found->value.empty()) {
        Store(*found, "");
      } else if (!letters.empty()) {
        Store(*found, std::string(letters));
        return;
      } else {
        StoreNext(*found, shown);
        return;
      }
    }
  }

  void StoreNext(const OptionSpec& option, const std::string& shown) {
    if (at_ + 1 >= words_.size() || taken_.count(at_ + 1) != 0) {
      status_ = Bad(shown + " needs a value: write " + shown + " " + std::string(option.value));
      return;
    }
    at_++;
    Store(option, words_[at_]);
  }

  void Store(const OptionSpec& option, std::string value) {
    if (!option.choices.empty()) {
      std::vector<std::string> choices;
      std::string_view rest = option.choices;
      for (std::size_t bar = 0; bar != std::string_view::npos;) {
        bar = rest.find('|');
        choices.emplace_back(rest.substr(0, bar));
        if (bar != std::string_view::npos) rest.remove_prefix(bar + 1);
      }
      if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
        const std::string nearest = Nearest(value, choices);
        std::string list;
        for (const std::string& choice : choices) list += (list.empty() ? "" : ", ") + choice;
        status_ = Bad("--" + std::string(option.name) + " cannot be '" + Printable(value) + "': " + (nearest.empty() ? "it is one of " + list : "did you mean '" + nearest + "'?"));
        return;
      }
    }
    auto& values = parsed_.options[std::string(option.name)];
    if (!values.empty() && !option.repeats && !option.value.empty() && values.back() != value) {
      status_ = Bad("--" + std::string(option.name) + " is given twice with different values: keep one");
      return;
    }
    values.push_back(std::move(value));
  }

  void CheckCount() {
    const std::size_t count = parsed_.arguments.size();
    const CommandSpec& command = *parsed_.command;
    const std::string usage = "write fileferry " + std::string(command.name) + (command.arguments.empty() ? "" : " " + std::string(command.arguments));
    if (count < command.min_arguments)
      status_ = Bad(std::string(command.name) + " needs " + (command.min_arguments - count == 1 ? "one more argument" : "more arguments") + ": " + usage);
    if (count > command.max_arguments)
      status_ = Bad(std::string(command.name) + " has no place for '" + Printable(parsed_.arguments[command.max_arguments]) + "': " + usage);
  }

  std::vector<std::string> words_;
  std::map<std::size_t, bool> taken_;  // places of words that name the command
  std::size_t at_ = 0;
  Parsed parsed_;
  Status status_;
};

}  // namespace

std::string Parsed::Get(std::string_view name, std::string_view fallback) const {
  const auto found = options.find(name);
  return found == options.end() || found->second.empty() ? std::string(fallback) : found->second.back();
}

const std::vector<std::string>& Parsed::All(std::string_view name) const {
  static const std::vector<std::string> none;
  const auto found = options.find(name);
  return found == options.end() ? none : found->second;
}

Result<Parsed> Parse(int argc, char** argv) { return Parser(argc, argv).Run(); }

}  // namespace fileferry::cli
