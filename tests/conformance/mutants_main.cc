// mutants_main.cc: every provider with a seeded bug must fail a case that the sound one passes; prints which.
#include <atomic>
#include <cstdio>
#include <cstring>
#include <set>
#include <thread>

#include "conformance/mutants.h"
#include "conformance/targets.h"

int main(int argc, char** argv) {
  using namespace fileferry;
  const std::string only = argc > 1 ? argv[1] : "";
  const testing::ConformanceReport sound = testing::RunConformance(conformance::OverMemory("memory", [](ProviderPtr inner) { return inner; }));
  std::set<std::string> failing;
  for (const testing::CaseResult& one : sound.cases) {
    if (one.outcome == testing::Outcome::kFailed) failing.insert(one.name);
  }
  if (!sound.ok()) std::printf("%s", sound.ToText().c_str());

  const std::vector<conformance::Mutant>& mutants = conformance::Mutants();
  std::vector<std::string> lines(mutants.size());
  std::atomic<std::size_t> next{0}, caught{0}, tried{0};
  auto work = [&] {
    for (std::size_t i = next++; i < mutants.size(); i = next++) {
      if (!only.empty() && only != mutants[i].name) continue;
      ++tried;
      const testing::ConformanceReport report = testing::RunConformance(conformance::OverMemory(mutants[i].name, mutants[i].wrap));
      std::string names;
      std::size_t count = 0;
      for (const testing::CaseResult& one : report.cases) {
        if (one.outcome != testing::Outcome::kFailed || failing.contains(one.name)) continue;
        if (++count <= 3) names += (names.empty() ? "" : ", ") + one.name;
      }
      caught += count > 0 ? 1 : 0;
      lines[i] = std::string(count > 0 ? "caught  " : "MISSED  ") + mutants[i].name + " (" + mutants[i].bug + ")" + (count > 0 ? " by " + std::to_string(count) + ": " + names : "");
    }
  };
  {
    std::vector<std::jthread> pool;
    for (int i = 0; i < 2; ++i) pool.emplace_back(work);
  }
  for (const std::string& line : lines) {
    if (!line.empty()) std::printf("%s\n", line.c_str());
  }
  std::printf("%zu mutants, %zu caught\n", tried.load(), caught.load());
  return tried > 0 && caught == tried && sound.ok() ? 0 : 1;
}
