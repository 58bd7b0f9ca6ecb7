// main.cc: runs the conformance suite over targets, and prints one line for each.
//   conformance [--cases FOLDER] [--quirks FILE] [--filter TEXT] [-v] TARGET...
#include <cstdio>
#include <cstring>

#include "conformance/targets.h"

int main(int argc, char** argv) {
  using namespace fileferry;
  std::string quirks = FERRY_QUIRKS;
  testing::ConformanceOptions options;
  std::vector<std::string> names;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const bool more = i + 1 < argc;
    if (argument == "--cases" && more) options.cases_folder = argv[++i];
    else if (argument == "--quirks" && more) quirks = argv[++i];
    else if (argument == "--filter" && more) options.filter = argv[++i];
    else if (argument == "-v") options.progress = [](std::string_view line) { std::printf("%.*s\n", static_cast<int>(line.size()), line.data()); std::fflush(stdout); };
    else names.push_back(argument);
  }
  if (names.empty()) names = conformance::TargetNames();
  bool ok = true;
  for (const std::string& name : names) {
    const testing::ConformanceReport report = testing::RunConformance(conformance::MakeTarget(name, quirks), options);
    std::printf("%s", report.ToText().c_str());
    std::fflush(stdout);
    ok = ok && report.ok();
  }
  return ok ? 0 : 1;
}
