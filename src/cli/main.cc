// main.cc: the fileferry command.

#include <string_view>

#include "fileferry/version.h"
#include "json.h"
#include "options.h"
#include "session.h"
#include "text.h"

namespace fileferry::cli {
namespace {

int PrintHelp(const Parsed& parsed) {
  Output out(1);
  if (parsed.command != nullptr) {
    out.Write(HelpText(*parsed.command));
  } else if (!parsed.help_topic.empty()) {
    for (const CommandSpec& command : Commands()) {
      if (command.name.substr(0, parsed.help_topic.size() + 1) == parsed.help_topic + " ") out.Write(HelpText(command) + "\n");
    }
  } else {
    out.Write(OverviewText());
  }
  out.Flush();
  return out.status().ok() ? 0 : 1;
}

// A command line that cannot be read leaves no session to ask.
bool AsksForJson(int argc, char** argv) {
  for (int i = 1; i < argc && std::string_view(argv[i]) != "--"; i++) {
    if (std::string_view(argv[i]) == "--json") return true;
  }
  return false;
}

int Main(int argc, char** argv) {
  auto parsed = Parse(argc, argv);
  if (!parsed.ok()) {
    WriteAllTo(2, "fileferry: " + ErrorText(parsed.status()) + "\n");
    if (AsksForJson(argc, argv)) WriteAllTo(1, Dump({{"result", StatusJson(parsed.status())}}));
    return 2;
  }
  if (parsed->version) {
    Output out(1);
    out.Write("fileferry " FILEFERRY_VERSION "\n");
    out.Flush();
    return out.status().ok() ? 0 : 1;
  }
  if (parsed->help) return PrintHelp(*parsed);
  if (parsed->command == nullptr) {
    if (parsed->arguments.empty() && parsed->words.empty()) {
      WriteAllTo(2, OverviewText());
    } else {
      WriteAllTo(2, "fileferry: a command is missing: see fileferry --help\n");
    }
    return 2;
  }
  Session session(*parsed);
  const Status status = session.Start();
  return session.End(status.ok() ? parsed->command->run(session, *parsed) : session.Fail(status));
}

}  // namespace
}  // namespace fileferry::cli

int main(int argc, char** argv) { return fileferry::cli::Main(argc, argv); }
