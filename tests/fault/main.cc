// main.cc: the k-th call fails, once and from then on, for every k: system calls, HTTP exchanges and SQLite calls, over put, get, multipart upload, migrate, retry, rollback and the rest.
//   kth_test S3-TEXT FOLDER SCENARIO   (kth_test --scenarios names them)   run by fault_test.py, which starts the endpoint and compares the sites that were hit with those in the source
// After each run: the source is untouched, what was reported as done is there byte for byte, nothing half-written is visible; then a run without faults completes.
#include "fault/kth.h"

int main(int argc, char** argv) {
  using namespace kth;
  Scenarios all = MigrationScenarios();  // the long ones first
  for (Scenarios more : {CallScenarios(), ObjectScenarios()}) all.insert(all.end(), more.begin(), more.end());
  if (argc == 2 && std::string(argv[1]) == "--scenarios") {
    for (const auto& [name, make] : all) std::printf("%s\n", name.c_str());
    return 0;
  }
  if (argc < 4) return 2;
  world.s3_text = argv[1];
  world.folder = argv[2];
  FactoryOptions options;
  options.retry.sleep = [](const OpContext&, std::chrono::milliseconds) { return Status::Ok(); };
  options.retry.quota = 1 << 30;
  Result<std::shared_ptr<StorageFactory>> factory = StorageFactory::Create(options);
  if (!factory.ok()) return std::printf("FAIL %s\n", factory.status().ToString().c_str()), 1;
  world.factory = *factory;
  for (const auto& [name, make] : all) {
    if (name == argv[3]) Loop(make());
  }
  for (const std::string& site : sites) std::printf("site %s\n", site.c_str());
  std::printf("%llu runs with a fault, %llu runs, %zu sites, %d failures\n", static_cast<unsigned long long>(fired_total), static_cast<unsigned long long>(runs), sites.size(), failures);
  return failures == 0 ? 0 : 1;
}
