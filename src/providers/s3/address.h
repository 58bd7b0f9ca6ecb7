// address.h: where a bucket is reached: virtual-host or path style, AWS hosts of a region, custom endpoints with a port and a base path.  Pure; any thread.
#ifndef FILEFERRY_PROVIDERS_S3_ADDRESS_H_
#define FILEFERRY_PROVIDERS_S3_ADDRESS_H_

#include <string>
#include <string_view>

#include "fileferry/s3.h"
#include "providers/s3/dialect.h"

namespace fileferry::s3 {

struct Address {
  std::string scheme;       // "https"
  std::string host;         // of the Host header and the signature: lower case, with ":port" when it is not the scheme's default
  std::string base;         // raw path in front of the key: "", "/bucket", "/base/bucket"
  std::string region;       // for signing
  bool virtual_host = false;
  std::string origin() const { return scheme + "://" + host; }
};

// What the configuration says about the endpoint; checked once.
struct Endpoint {
  std::string scheme = "https";
  std::string host;         // lower case, without port; empty: AWS
  std::string port;         // empty: the scheme's default
  std::string base;         // raw path without a trailing slash
  bool custom() const { return !host.empty(); }
};
// kInvalidArgument names `endpoint` and the accepted form.
Result<Endpoint> ParseEndpoint(std::string_view endpoint);
// The same text for the same service.  All of AWS is one: copies cross regions.
std::string PlaceOf(const Endpoint& endpoint);

// The bucket may stand in a host name: DNS-safe, and no dot over TLS.
bool IsHostBucket(std::string_view bucket, bool tls);
// kInvalidArgument for a name that no service takes (empty, "/", control characters, "..", over 255 bytes).
Status CheckBucketName(std::string_view bucket);
bool IsRegionName(std::string_view region);

// The address of `bucket` (of the service itself when empty).
Result<Address> AddressOf(const S3Options& options, const Endpoint& endpoint, const Dialect& dialect, std::string_view region, std::string_view bucket);

}  // namespace fileferry::s3

#endif  // FILEFERRY_PROVIDERS_S3_ADDRESS_H_
