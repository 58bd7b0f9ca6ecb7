// sigv4.h: AWS Signature Version 4, with its steps shown.
//
// Pure computation: no I/O, no clock, no locking; a SigV4Signer may be used by many threads at once (it keeps the signing key of the day).
// Source of the rules: AWS General Reference, "Signature Version 4 signing process"; S3 API Reference, "Authenticating Requests".
#ifndef FILEFERRY_SIGV4_H
#define FILEFERRY_SIGV4_H

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fileferry/object.h"

namespace fileferry {

struct SigV4Options {
  std::string service = "s3";
  std::string region = "us-east-1";
  bool normalize_path = false;  // collapse "//", "." and ".."; every service but S3 does
  bool double_encode = false;   // encode the path a second time in the canonical request; every service but S3 does
  bool signed_body = true;      // x-amz-content-sha256 is sent and signed (S3); false leaves the header out
};

struct SigV4Credentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;
};

// A request as it goes on the wire.  `path` and `query` values are raw bytes (not encoded); encoding is part of signing.
struct SigV4Request {
  std::string method = "GET";
  std::string host;             // with ":port" when it is not the scheme's default
  std::string path = "/";
  std::vector<std::pair<std::string, std::string>> query;
  // To be signed, besides host and the x-amz-… that the signer adds.  Headers that are changed on the way (Accept-Encoding, User-Agent, Expect, Connection, …) are passed over.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string payload_hash;     // hex SHA-256, "UNSIGNED-PAYLOAD" or a STREAMING-… text; empty: the hash of an empty body
};

// Percent-encoding of RFC 3986: every byte but A-Z a-z 0-9 - _ . ~ (and '/' where keep_slash) becomes %XX.
std::string UriEncode(std::string_view text, bool keep_slash);

struct SigV4Result {
  std::string canonical_request;
  std::string string_to_sign;
  std::string signature;        // hex
  std::string signed_headers;   // "host;x-amz-date"
  std::string encoded_path;     // what to send
  std::string encoded_query;    // what to send, without "?"; with the signature for presigned URLs
  // What to add to the request: Authorization, x-amz-date, x-amz-content-sha256, x-amz-security-token.  Empty for presigned URLs.
  std::vector<std::pair<std::string, std::string>> headers;
};

class SigV4Signer {
 public:
  SigV4Signer(SigV4Credentials credentials, SigV4Options options);
  ~SigV4Signer();
  SigV4Signer(const SigV4Signer&) = delete;
  SigV4Signer& operator=(const SigV4Signer&) = delete;

  const SigV4Options& options() const;

  // The header form.
  SigV4Result Sign(const SigV4Request& request, Time now) const;
  // The query form.  The payload is UNSIGNED-PAYLOAD with options().signed_body (S3), else payload_hash.  expires: 1 … 604800 s, kInvalidArgument otherwise.
  Result<SigV4Result> Presign(const SigV4Request& request, Time now, std::chrono::seconds expires) const;

  // The steps, one at a time.  CanonicalRequest signs host and exactly the headers of the request: for the header form add x-amz-date, x-amz-content-sha256 and
  // x-amz-security-token to them, for the query form the X-Amz-… parameters to the query.
  static std::string CanonicalRequest(const SigV4Request& request, const SigV4Options& options, std::string* signed_headers);
  static std::string StringToSign(std::string_view canonical_request, Time now, const SigV4Options& options);
  std::string Signature(std::string_view string_to_sign, Time now) const;
  std::string Scope(Time now) const;  // "20130524/us-east-1/s3/aws4_request"

  // Chunked bodies (aws-chunked): the signature of one chunk, and of the trailer.
  std::string ChunkSignature(std::string_view previous_signature, Bytes chunk, Time now) const;
  std::string TrailerSignature(std::string_view previous_signature, std::string_view trailer_lines, Time now) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fileferry

#endif  // FILEFERRY_SIGV4_H
