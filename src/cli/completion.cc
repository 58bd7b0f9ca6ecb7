// completion.cc: completion for bash and zsh, and the man page, from the table of options.h.
#include <algorithm>

#include "commands.h"
#include "fileferry/version.h"
#include "options.h"
#include "session.h"
#include "text.h"

namespace fileferry::cli {
namespace {

std::vector<const OptionSpec*> AllOptions(const CommandSpec& command) {
  std::vector<const OptionSpec*> all;
  for (const auto* table : command.options) {
    for (const OptionSpec& option : *table) all.push_back(&option);
  }
  for (const OptionSpec& option : GlobalOptions()) all.push_back(&option);
  return all;
}

std::string Spaced(std::string_view choices) {
  std::string text(choices);
  std::replace(text.begin(), text.end(), '|', ' ');
  return text;
}

bool TakesFile(std::string_view value) { return value == "FILE"; }

// For roff: backslashes, leading dots and hyphens that must stay hyphens.
std::string Roff(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  if (!out.empty() && (out[0] == '.' || out[0] == '\'')) out.insert(0, "\\&");
  return out;
}

std::string RoffOptions(const std::vector<OptionSpec>& options) {
  std::string out;
  for (const OptionSpec& option : options) {
    out += ".TP\n";
    if (option.letter != 0) out += std::string("\\fB\\-") + option.letter + "\\fR, ";
    out += "\\fB\\-\\-" + Roff(option.name) + "\\fR";
    if (!option.value.empty()) out += " \\fI" + Roff(option.value) + "\\fR";
    out += "\n" + Roff(option.help) + "\n";
  }
  return out;
}

// For zsh's _arguments: brackets and colons are its own.
std::string Zsh(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\'') {
      out += "'\\''";
      continue;
    }
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string ZshArguments(const std::vector<const OptionSpec*>& options) {
  std::string out;
  for (const OptionSpec* option : options) {
    std::string action;
    if (!option->value.empty()) {
      action = ":" + Zsh(option->value) + ":";
      if (!option->choices.empty()) action += "(" + Zsh(Spaced(option->choices)) + ")";
      if (TakesFile(option->value)) action += "_files";
    }
    const std::string star = option->repeats ? "*" : "";
    out += " \\\n        '" + star + "--" + std::string(option->name) + (option->value.empty() ? "" : "=") + "[" + Zsh(option->help) + "]" + action + "'";
    if (option->letter != 0) out += " \\\n        '" + star + "-" + option->letter + "[" + Zsh(option->help) + "]" + action + "'";
  }
  return out;
}

}  // namespace

std::string BashCompletion() {
  std::string names, firsts, cases, values;
  for (const CommandSpec& command : Commands()) {
    const std::string_view first = command.name.substr(0, command.name.find(' '));
    if ((" " + firsts + " ").find(" " + std::string(first) + " ") == std::string::npos) firsts += (firsts.empty() ? "" : " ") + std::string(first);
    std::string words;
    for (const OptionSpec* option : AllOptions(command)) words += (words.empty() ? "--" : " --") + std::string(option->name);
    cases += "    '" + std::string(command.name) + "') options='" + words + "' ;;\n";
  }
  std::vector<std::string> seen;
  for (const CommandSpec& command : Commands()) {
    for (const OptionSpec* option : AllOptions(command)) {
      const std::string name(option->name);
      if (std::find(seen.begin(), seen.end(), name) != seen.end() || option->value.empty()) continue;
      if (option->choices.empty() && !TakesFile(option->value)) continue;
      seen.push_back(name);
      values += "    --" + name + ") " + (TakesFile(option->value) ? "compopt -o default; COMPREPLY=()" : "COMPREPLY=($(compgen -W '" + Spaced(option->choices) + "' -- \"$current\"))") + "; return ;;\n";
    }
  }
  return "# bash completion for fileferry; made by `fileferry completion bash`\n"
         "_fileferry() {\n"
         "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command= options= word index\n"
         "  case $previous in\n" + values + "  esac\n"
         "  for ((index = 1; index < COMP_CWORD; index++)); do\n"
         "    word=${COMP_WORDS[index]}\n"
         "    case $word in\n"
         "      -c|--config|-e|--environment|--log) ((index++)) ;;\n"
         "      -*) ;;\n"
         "      config) if [[ -z $command ]]; then command=config; fi ;;\n"
         "      *) if [[ -z $command ]]; then command=$word; elif [[ $command == config ]]; then command=\"config $word\"; fi ;;\n"
         "    esac\n"
         "  done\n"
         "  case $command in\n"
         "    '') if [[ $current == -* ]]; then options='--config --environment --json --quiet --verbose --log --help --version'; else options='" + firsts + " help'; fi ;;\n"
         "    config) options='show validate' ;;\n"
         "    completion) if [[ $current != -* ]]; then options='bash zsh man'; fi ;;\n"
         "    help) options='" + firsts + "' ;;\n" + cases + "  esac\n"
         "  if [[ -z $command || $command == config || $command == help || $command == completion || $current == -* ]]; then\n"
         "    COMPREPLY=($(compgen -W \"$options\" -- \"$current\"))\n"
         "    return\n"
         "  fi\n"
         "  compopt -o default\n"
         "  COMPREPLY=()\n"
         "}\n"
         "complete -F _fileferry fileferry\n";
}

std::string ZshCompletion() {
  std::string commands, cases;
  std::vector<std::string> firsts;
  for (const CommandSpec& command : Commands()) {
    const std::string first(command.name.substr(0, command.name.find(' ')));
    if (std::find(firsts.begin(), firsts.end(), first) == firsts.end()) {
      firsts.push_back(first);
      commands += "        '" + Zsh(first) + ":" + Zsh(first == "config" ? "show or validate the configuration" : command.summary) + "'\n";
    }
    if (command.name.find(' ') != std::string_view::npos) continue;
    const std::string rest = command.name == "completion" ? "'1:shell:(bash zsh man)'" : "'*:storage or file:_files'";
    cases += "      " + first + ")\n        _arguments" + ZshArguments(AllOptions(command)) + " \\\n        " + rest + "\n        ;;\n";
  }
  const CommandSpec* show = nullptr;
  for (const CommandSpec& command : Commands()) {
    if (command.name == "config show") show = &command;
  }
  cases += "      config)\n        _arguments" + ZshArguments(AllOptions(*show)) + " \\\n        '1:what:(show validate)' '*:storage:'\n        ;;\n";
  std::vector<const OptionSpec*> global;
  for (const OptionSpec& option : GlobalOptions()) global.push_back(&option);
  return "#compdef fileferry\n"
         "# zsh completion for fileferry; made by `fileferry completion zsh`\n"
         "_fileferry() {\n"
         "  local context state state_descr line\n"
         "  typeset -A opt_args\n"
         "  _arguments -C" + ZshArguments(global) + " \\\n        '1:command:->command' '*::argument:->arguments'\n"
         "  case $state in\n"
         "    command)\n"
         "      local -a commands\n"
         "      commands=(\n" + commands + "      )\n"
         "      _describe command commands\n"
         "      ;;\n"
         "    arguments)\n"
         "      case $line[1] in\n" + cases + "      esac\n"
         "      ;;\n"
         "  esac\n"
         "}\n"
         "_fileferry \"$@\"\n";
}

std::string ManPage() {
  std::string out =
      ".\\\" Made by `fileferry completion man` from the table of commands; a test compares the two.\n"
      ".TH FILEFERRY 1 \"\" \"fileferry " FILEFERRY_VERSION "\" \"User Commands\"\n.ad l\n"
      ".SH NAME\nfileferry \\- move files between storages without losing a byte\n"
      ".SH SYNOPSIS\n.B fileferry\n[\\fB\\-c\\fR \\fIFILE\\fR] [\\fB\\-e\\fR \\fIENVIRONMENT\\fR] [\\fB\\-\\-json\\fR] [\\fB\\-q\\fR|\\fB\\-v\\fR] "
      "[\\fB\\-\\-log\\fR \\fIFILE\\fR] \\fICOMMAND\\fR ...\n"
      ".SH DESCRIPTION\nCopies, migrates, compares and serves the files of an application, in folders and in S3 buckets. A migration is written into a journal: it goes on after a stop, "
      "is verified, and can be taken back.\n"
      ".SS How a storage is written\n"
      ".TP\n\\fBmedia\\fR, \\fBmedia:photos/2024/\\fR\na storage of the configuration, and a place in it\n"
      ".TP\n\\fB/srv/files\\fR, \\fB./files\\fR, \\fBfile:///srv/files\\fR\na folder, taken as typed; in a URL percent\\-encoded\n"
      ".TP\n\\fBfile:///srv/storage?layout=activestorage\\fR\na folder in the disk layout of Active Storage\n"
      ".TP\n\\fBs3://bucket/prefix?endpoint=http://127.0.0.1:8333&region=us\\-east\\-1&path_style=true&profile=p\\fR\nS3; any configuration key can be a parameter, secrets cannot\n"
      ".TP\n\\fBgs://bucket/prefix\\fR\nGoogle Cloud Storage with HMAC keys\n"
      ".TP\n\\fBmemory:\\fR\nin memory\n"
      ".PP\nA text that names exactly one object, without a trailing slash, means that object; otherwise it means the folder.\n"
      ".SH OPTIONS OF ALL COMMANDS\n";
  out += RoffOptions(GlobalOptions());
  out += ".SH COMMANDS\n";
  for (const CommandSpec& command : Commands()) {
    out += ".SS fileferry " + Roff(command.name) + (command.options.empty() ? "" : " [OPTIONS]") + (command.arguments.empty() ? "" : " " + Roff(command.arguments)) + "\n";
    std::string summary(command.summary);
    summary[0] = static_cast<char>(summary[0] - 'a' + 'A');
    out += Roff(summary) + ".\n";
    if (!command.text.empty()) out += Roff(command.text) + "\n";
    for (const auto* table : command.options) out += RoffOptions(*table);
    out += ".PP\nExamples:\n";
    for (const Example& example : command.examples) {
      out += ".PP\n.nf\n    " + Roff(example.Line()) + "\n.fi\n.RS 8\n" + Roff(example.meaning) + "\n.RE\n";
    }
  }
  out += ".SH SIZES AND TIMES\n"
         "Sizes take k M G T (1024) and KB MB GB TB (1000); times take ms s m h d w, also together (7d12h).\n"
         ".SH EXIT STATUS\n.TP\n0\nall is done\n.TP\n1\ndone, but some objects failed, differ or are missing\n.TP\n2\nusage or configuration\n.TP\n3\na storage cannot be used\n"
         ".TP\n4\nstopped before the end, can be resumed: a first Ctrl\\-C stops cleanly and says how to go on, a second one kills\n"
         ".PP\nResults go to standard output, progress and errors to standard error.\n"
         ".SH ENVIRONMENT\n.TP\n\\fBFILEFERRY_CONFIG\\fR, \\fBFILEFERRY_ENV\\fR, \\fBFILEFERRY_LOG\\fR\nas \\-\\-config, \\-\\-environment and \\-\\-log\n"
         ".TP\n\\fBAWS_ACCESS_KEY_ID\\fR, \\fBAWS_SECRET_ACCESS_KEY\\fR, \\fBAWS_SESSION_TOKEN\\fR, \\fBAWS_PROFILE\\fR, \\fBAWS_REGION\\fR ...\ncredentials and settings of S3, as the AWS tools read them\n"
         ".TP\n\\fBUSE_S3\\fR with \\fBAWS_STORAGE_BUCKET_NAME\\fR, \\fBAWS_S3_REGION_NAME\\fR, \\fBAWS_S3_ENDPOINT_URL\\fR, \\fBAWS_S3_CUSTOM_DOMAIN\\fR, \\fBAWS_LOCATION\\fR\n"
         "the storages default, media (below media/) and public (below public/), as Django applications configure them\n"
         ".TP\n\\fBSOURCE_S3_BUCKET\\fR, \\fBSOURCE_S3_ACCESS_KEY\\fR, \\fBSOURCE_S3_SECRET_KEY\\fR, \\fBSOURCE_S3_REGION\\fR, \\fBSOURCE_S3_ENDPOINT\\fR\nthe storage source\n"
         ".SH FILES\n.TP\n\\fIconfig/storage.yml\\fR, \\fIstorage_config.json\\fR\nthe configuration\n.TP\n\\fI.fileferry/*.db\\fR\njournals of migrations\n";
  return out;
}

int RunCompletion(Session& session, const Parsed& parsed) {
  const std::string& shell = parsed.arguments[0];
  std::string text;
  if (shell == "bash") {
    text = BashCompletion();
  } else if (shell == "zsh") {
    text = ZshCompletion();
  } else if (shell == "man") {
    text = ManPage();
  } else {
    return session.Fail(Status(Code::kInvalidArgument, "there is no completion for '" + Printable(shell) + "': write bash, zsh or man"));
  }
  session.out().Write(text);
  return session.Finish(0);
}

}  // namespace fileferry::cli
