// api.h: one S3 request: addressed, signed, sent, classified, and corrected once where the answer says how (region, clock, session token).  Never waits.
//
// Thread-safe.  What it learns (the region of the bucket, the offset of the service's clock, the vendor) is kept for the requests after.
#ifndef FILEFERRY_PROVIDERS_S3_API_H_
#define FILEFERRY_PROVIDERS_S3_API_H_

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "fileferry/s3.h"
#include "fileferry/sigv4.h"
#include "http/client.h"
#include "providers/s3/address.h"
#include "providers/s3/dialect.h"
#include "providers/s3/errors.h"
#include "providers/s3/properties.h"

namespace fileferry::s3 {

// How the hash of the body gets into the signature.
enum class PayloadHash : std::uint8_t { kEmpty, kGiven, kUnsigned };

struct Call {
  std::string_view operation;               // for messages: "put"
  HttpMethod method = HttpMethod::kGet;
  std::string_view key;                     // raw; empty: the bucket
  std::optional<std::string> bucket;        // another bucket of the same service
  Headers query;                            // raw names and values
  Headers headers;                          // to be signed
  bool write = false;                       // a lost answer may hide a success
  bool xml = false;                         // the body of a 200 may be an <Error>
  bool keep_region = false;                 // an answer that names another region is an error
  PayloadHash payload = PayloadHash::kEmpty;
  std::string sha256;                       // hex, for kGiven
  Bytes body{};
  ISource* source = nullptr;
  std::uint64_t body_size = 0;
  ISink* sink = nullptr;
  http::Request::IHeadCheck* head_check = nullptr;
};

class Api {
 public:
  // REQUIRES: options.credentials is set.  No I/O.
  static Result<std::unique_ptr<Api>> Create(S3Options options);

  const S3Options& options() const { return options_; }
  const Endpoint& endpoint() const { return endpoint_; }

  // The vendor's row: configured, told by the host, or asked of the endpoint once (one unsigned request; a failure is returned and asked again at the next call).
  Result<const Dialect*> FindVendor(const OpContext& ctx);
  // The same without a failure: "other" while nobody answers.
  const Dialect& Vendor();

  // An answer of 2xx; errors are Status values with operation and key, of a write that was sent twice ambiguous.  `at`: the site that fault injection sees.
  Result<http::Response> Send(const OpContext& ctx, Call& call, const sys::Place& at = sys::Place::current());

  // Whether bodies go out signed.
  bool SignsBodies() const;
  // The address as known now.
  Result<Address> CurrentAddress(std::string_view bucket);
  // Presigned: URL-encoded path and query with the signature.  No I/O but for credentials.
  Result<SignedUrl> Presign(std::string_view key, const UrlOptions& options);
  Result<std::string> PublicUrl(std::string_view key);
  // "" when anonymous or when there are none.
  S3Credentials CredentialsForDisplay(const OpContext& ctx, Status* status);
  std::chrono::milliseconds clock_offset() const;
  std::string region();

 private:
  // Everything that requests to the bucket share; replaced as a whole when region or credentials change.
  struct Target {
    S3Credentials credentials;
    Address address;
    std::unique_ptr<SigV4Signer> signer;  // nullptr: anonymous
  };
  // What one Send has corrected so far.
  struct Tried {
    bool region = false, clock = false, token = false;
    std::string host;  // of a temporary redirect of AWS
  };

  Api(S3Options options, Endpoint endpoint);
  Result<std::shared_ptr<const Target>> FindTarget(const OpContext& ctx, const Dialect& dialect);
  Result<http::Response> SendOnce(const OpContext& ctx, const Dialect& dialect, const Call& call, const Target& target, const std::string& other_host, const sys::Place& at);
  // Whether something was learned of an answer that is not a success: send again.
  bool Correct(const OpContext& ctx, const Call& call, const Target& target, const http::Response& response, const ServiceError& error, Tried* tried);
  bool CorrectRegion(const OpContext& ctx, const Call& call, const Target& target, const http::Response& response, const ServiceError& error, Tried* tried);
  bool CorrectClock(const http::Response& response);
  bool CorrectToken(const OpContext& ctx, const S3Credentials& used);
  std::string RegionOfBucket(const OpContext& ctx, const Call& call, const Target& target);
  Status Failure(const Call& call, const http::Response& response, const ServiceError& error) const;
  Status Named(const Call& call, const Status& status) const { return status.With(options_.name, call.operation, call.key); }
  Time SigningTime() const;

  const S3Options options_;
  const Endpoint endpoint_;
  http::Client client_;
  std::atomic<std::int64_t> clock_offset_ns_{0};

  std::mutex mutex_;  // of region_ and target_; never held over I/O
  std::string region_;  // learned or configured; empty: not known
  std::shared_ptr<const Target> target_;

  std::mutex vendor_mutex_;  // held while the vendor is asked
  std::atomic<const Dialect*> vendor_{nullptr};
  std::unique_ptr<Dialect> own_vendor_;  // with quirks
};

}  // namespace fileferry::s3

#endif  // FILEFERRY_PROVIDERS_S3_API_H_
