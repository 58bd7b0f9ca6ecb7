// s3_target.cc: the target "s3-<server>", a bucket of a real server that run_s3.py starts.
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "conformance/targets.h"
#include "fileferry/s3.h"

namespace fileferry::conformance {
namespace {

std::string Need(const char* variable) {
  const char* value = std::getenv(variable);
  if (value == nullptr || *value == '\0') Die(std::string("the target s3 needs the environment variable ") + variable + "; start it through run_s3.py");
  return value;
}

// Makes a bucket for each case, beside the one of FILEFERRY_S3_BUCKET, and removes it before the next: some servers keep folders of objects that are gone.
class Buckets {
 public:
  explicit Buckets(S3Options options) : options_(std::move(options)), name_(options_.bucket) {}
  ~Buckets() { RemoveLast(); }
  Buckets(const Buckets&) = delete;
  Buckets& operator=(const Buckets&) = delete;

  Result<ProviderPtr> Next() {
    RemoveLast();
    options_.bucket = name_ + "-" + std::to_string(++number_);
    Result<std::unique_ptr<S3StorageProvider>> made = S3StorageProvider::Create(options_);
    if (!made.ok()) return made.status();
    if (Status status = (*made)->CreateBucket(OpContext()); !status.ok()) return status;
    return ProviderPtr(std::move(*made));
  }
  Result<ProviderPtr> Again() {
    Result<std::unique_ptr<S3StorageProvider>> made = S3StorageProvider::Create(options_);
    if (!made.ok()) return made.status();
    return ProviderPtr(std::move(*made));
  }

 private:
  void RemoveLast() {
    if (number_ == 0) return;
    Result<std::unique_ptr<S3StorageProvider>> made = S3StorageProvider::Create(options_);
    if (!made.ok()) return;
    if (Status status = (*made)->RemoveBucket(OpContext()); !status.ok()) std::fprintf(stderr, "conformance: %s\n", status.ToString().c_str());
  }

  S3Options options_;
  std::string name_;
  int number_ = 0;
};

// At FILEFERRY_S3_ENDPOINT; credentials as everywhere from AWS_*.
Target S3(const std::string& name) {
  Target target;
  target.name = name;
  target.shared = true;  // the suite empties the bucket after each case
  S3Options options;
  options.endpoint = Need("FILEFERRY_S3_ENDPOINT");
  options.bucket = Need("FILEFERRY_S3_BUCKET");
  options.region = "us-east-1";
  options.vendor = name == "s3-seaweedfs" ? "seaweedfs" : "aws";
  auto buckets = std::make_shared<Buckets>(options);
  target.fresh = [buckets] { return buckets->Next(); };
  target.reopen = [buckets] { return buckets->Again(); };
  return target;
}

const bool kAdded = AddMaker([](const std::string& name) { return name.starts_with("s3-") ? S3(name) : Target(); });

}  // namespace
}  // namespace fileferry::conformance
