// bucket.cc: the bucket as a whole: health, making, removing; and the making of providers.  Thread-safe; blocks.
#include "base/clock.h"
#include "base/digest.h"
#include "base/text.h"
#include "codec/xml.h"
#include "providers/s3/config.h"
#include "providers/s3/credentials.h"
#include "providers/s3/provider.h"

namespace fileferry {

namespace s3 {

namespace {

std::string YesNo(bool yes) { return yes ? "yes" : "no"; }

std::string_view IntegrityText(const Dialect& dialect, const Api& api) {
  if (dialect.integrity == Integrity::kCrc64) return api.SignsBodies() ? "CRC-64 and signed SHA-256" : "CRC-64";
  if (api.SignsBodies()) return "signed SHA-256";
  if (api.options().payload_signing == PayloadSigning::kNever || dialect.integrity == Integrity::kNone) return "none; the CRC-64 is kept as metadata";
  return "MD5";
}

}  // namespace

HealthReport S3Provider::Health(const OpContext& ctx) {
  HealthReport report;
  const auto started = std::chrono::steady_clock::now();
  const auto add = [&](std::string name, std::string value) { report.details.emplace_back(std::move(name), std::move(value)); };
  add("bucket", api_->options().bucket);
  Status credentials_status;
  const S3Credentials credentials = api_->CredentialsForDisplay(ctx, &credentials_status);
  add("credentials", api_->options().anonymous ? "none (anonymous)" : credentials_status.ok() ? credentials.origin : "not found");
  if (!credentials_status.ok()) {
    report.status = Fail("health", {}, credentials_status);
    return report;
  }
  Result<const Dialect*> dialect = api_->FindVendor(ctx);
  if (!dialect.ok()) {
    report.status = Fail("health", {}, dialect.status());
    return report;
  }
  Call head;
  head.operation = "health";
  head.method = HttpMethod::kHead;
  Result<http::Response> there = api_->Send(ctx, head);
  // A 403 or 404 here has no words; the listing says what is wrong, and whether it matters.
  ListQuery query;
  query.limit = 1;
  Result<ListPage> listed = List(ctx, query);
  report.latency = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started);
  if (Result<Address> address = api_->CurrentAddress(api_->options().bucket); address.ok()) {
    add("address", address->origin() + UriEncode(address->base, true));
    add("region", api_->region().empty() ? address->region + " (assumed)" : address->region);
  }
  add("vendor", std::string((*dialect)->title) + (api_->options().vendor.empty() ? " (found out)" : " (configured)"));
  add("body integrity", std::string(IntegrityText(**dialect, *api_)));
  const Capabilities caps = Caps();
  add("create only if absent", caps.conditional_put           ? "kept by the service"
                               : caps.conditional_put_unknown ? "not known yet: found out by the first write"
                                                              : "not known to be kept: looked at before writing");
  if (caps.server_copy && caps.conditional_put && !caps.conditional_copy) add("create only if absent, copies", "not known to be kept: looked at before copying");
  add("sorted listing", YesNo((*dialect)->sorted_list));
  if (const auto offset = api_->clock_offset(); offset.count() != 0) add("clock", "off by " + std::to_string(offset.count() / 1000) + " s; corrected");
  if (!listed.ok()) {
    report.status = listed.status();
    if (there.ok() && listed.code() == Code::kPermissionDenied) {
      add("listing", "not allowed");
      report.status = Status();  // objects may still be read and written by name
    }
    return report;
  }
  add("listing", "allowed");
  return report;
}

Status S3Provider::CreateBucket(const OpContext& ctx) {
  Result<const Dialect*> dialect = api_->FindVendor(ctx);
  if (!dialect.ok()) return Fail("create-bucket", {}, dialect.status());
  Call call;
  call.operation = "create-bucket";
  call.method = HttpMethod::kPut;
  call.write = true;
  call.keep_region = true;
  std::string body;
  const std::string region = api_->region();
  if ((*dialect)->location_constraint && !region.empty() && region != "us-east-1") {
    body = R"(<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><LocationConstraint>)" + region + "</LocationConstraint></CreateBucketConfiguration>";
    call.payload = PayloadHash::kGiven;
    call.sha256 = Sha256Hex(AsBytes(body));
    call.body = AsBytes(body);
    call.headers.emplace_back("content-type", "application/xml");
  }
  Result<http::Response> response = api_->Send(ctx, call);
  if (response.ok()) return {};
  const Status status = response.status();
  if (status.detail().service_code == "BucketAlreadyOwnedByYou") return {};
  if (status.code() == Code::kAlreadyExists) {
    // Some services say "exists" of one's own bucket too: whoever may look at it owns it, as far as can be told.
    Call head;
    head.operation = "create-bucket";
    head.method = HttpMethod::kHead;
    if (api_->Send(ctx, head).ok()) return {};
  }
  return status;
}

Status S3Provider::RemoveBucket(const OpContext& ctx) {
  // Not every service refuses to remove a bucket with everything in it (SeaweedFS does not).
  ListQuery query;
  query.limit = 1;
  Result<ListPage> listed = List(ctx, query);
  if (!listed.ok() && listed.status().detail().service_code == "NoSuchBucket") return {};
  if (!listed.ok()) return listed.status();
  if (!listed->entries.empty() || !listed->next_token.empty() || listed->empty_folders != 0) {
    return Fail("remove-bucket", {}, Code::kPreconditionFailed, "the bucket is not empty: remove its objects, versions and open uploads first");
  }
  Call call;
  call.operation = "remove-bucket";
  call.method = HttpMethod::kDelete;
  call.write = true;
  Result<http::Response> response = api_->Send(ctx, call);
  if (response.ok() || response.status().detail().service_code == "NoSuchBucket") return {};
  return response.status();
}

}  // namespace s3

Result<std::unique_ptr<S3StorageProvider>> S3StorageProvider::Create(S3Options options) {
  if (options.name.empty()) options.name = "s3://" + options.bucket;
  if (options.anonymous) {
    options.credentials = s3::NewAnonymousCredentials();
  } else if (options.credentials == nullptr) {
    s3::CredentialOptions chain;
    chain.profile = options.profile;
    chain.region = options.region;
    chain.ca_file = options.ca_file;
    const std::string host = options.endpoint.empty() ? std::string() : options.endpoint;
    chain.custom_endpoint = !host.empty();
    options.credentials = s3::NewCredentialChain(std::move(chain));
  }
  const std::string name = options.name;
  Result<std::unique_ptr<s3::Api>> api = s3::Api::Create(std::move(options));
  if (!api.ok()) return api.status().With(name, "open", "");
  return std::unique_ptr<S3StorageProvider>(std::make_unique<s3::S3Provider>(std::move(*api)));
}

Result<std::unique_ptr<S3StorageProvider>> S3StorageProvider::FromConfig(const StorageConfig& config, const Environment& env) {
  Result<S3Options> options = s3::S3OptionsOf(config, env);
  if (!options.ok()) return options.status();
  return Create(std::move(*options));
}

}  // namespace fileferry
