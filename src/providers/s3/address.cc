// address.cc: hosts and paths.  Source: s3.md section 1, "Addressing"; S3 User Guide, "Virtual hosting of buckets".  Pure; any thread.
#include "providers/s3/address.h"

#include <algorithm>

#include "base/text.h"
#include "fileferry/sigv4.h"

namespace fileferry::s3 {

namespace {

bool IsLowerAlnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool IsIpAddress(std::string_view host) {
  return host.starts_with('[') || (!host.empty() && host.find_first_not_of("0123456789.") == std::string_view::npos);
}

std::string AwsSuffix(std::string_view region) {
  if (region.starts_with("cn-")) return "amazonaws.com.cn";
  if (region.starts_with("eusc-")) return "amazonaws.eu";
  return "amazonaws.com";
}

Result<std::string> AwsHost(const S3Options& options, std::string_view region, bool virtual_host) {
  const std::string suffix = AwsSuffix(region);
  if (options.accelerate) {
    if (!virtual_host) return {Code::kInvalidArgument, "`accelerate` works for bucket names without dots only: choose another `bucket` or switch it off"};
    if (options.fips) return {Code::kInvalidArgument, "`accelerate` and `fips` exclude each other"};
    return std::string(options.dualstack ? "s3-accelerate.dualstack." : "s3-accelerate.") + suffix;
  }
  if (options.fips && suffix == "amazonaws.com.cn") return {Code::kInvalidArgument, "there are no FIPS endpoints in China: switch `fips` off"};
  std::string host = options.fips ? "s3-fips." : "s3.";
  if (options.dualstack) host += "dualstack.";
  return host + std::string(region) + "." + suffix;
}

}  // namespace

Result<Endpoint> ParseEndpoint(std::string_view text) {
  Endpoint endpoint;
  text = Trim(text);
  if (text.empty()) return endpoint;
  const auto wrong = [&](std::string_view why) {
    return Status(Code::kInvalidArgument, "`endpoint`: " + std::string(why) + "; the form is https://host[:port][/base]");
  };
  const std::string whole = text.find("://") == std::string_view::npos ? "https://" + std::string(text) : std::string(text);
  if (whole.find('@') != std::string::npos) return wrong("credentials do not belong into an address");
  const std::optional<UrlParts> parts = ParseUrl(whole);
  if (!parts || parts->host.empty()) return wrong("\"" + Printable(text) + "\" is not an address");
  endpoint.scheme = ToLower(parts->scheme);
  if (endpoint.scheme != "http" && endpoint.scheme != "https") return wrong("only http and https are spoken");
  if (!parts->query.empty() || whole.find_first_of("?#") != std::string::npos) return wrong("an address has no query");
  endpoint.host = ToLower(parts->host);
  for (const char c : endpoint.host) {
    if (!IsLowerAlnum(c) && std::string_view(".-_:[]").find(c) == std::string_view::npos) return wrong("\"" + Printable(parts->host) + "\" is not a host name");
  }
  if (!parts->port.empty()) {
    const std::optional<std::uint64_t> port = ParseUint(parts->port);
    if (!port || *port == 0 || *port > 65535) return wrong("\"" + Printable(parts->port) + "\" is not a port");
    if (*port != (endpoint.scheme == "https" ? 443U : 80U)) endpoint.port = std::to_string(*port);
  }
  const std::optional<std::string> base = PercentDecode(parts->path, false);
  if (!base) return wrong("its path is not correctly encoded");
  endpoint.base = *base;
  while (endpoint.base.ends_with('/')) endpoint.base.pop_back();
  return endpoint;
}

std::string PlaceOf(const Endpoint& endpoint) {
  if (!endpoint.custom()) return "https://s3.amazonaws.com";
  return endpoint.scheme + "://" + endpoint.host + (endpoint.port.empty() ? "" : ":" + endpoint.port) + UriEncode(endpoint.base, true);
}

bool IsHostBucket(std::string_view bucket, bool tls) {
  if (bucket.size() < 3 || bucket.size() > 63 || bucket == "soap") return false;
  if (!IsLowerAlnum(bucket.front()) || !IsLowerAlnum(bucket.back()) || IsIpAddress(bucket)) return false;
  for (std::size_t i = 0; i < bucket.size(); ++i) {
    const char c = bucket[i];
    if (c == '.') {
      if (tls || bucket[i - 1] == '.' || bucket[i - 1] == '-' || bucket[i + 1] == '-') return false;
    } else if (!IsLowerAlnum(c) && c != '-') {
      return false;
    }
  }
  return true;
}

Status CheckBucketName(std::string_view bucket) {
  const auto wrong = [&](std::string_view why) {
    return Status(Code::kInvalidArgument, "`bucket`: \"" + Printable(bucket) + "\" " + std::string(why));
  };
  if (bucket.empty()) return {Code::kInvalidArgument, "`bucket` is missing: name the bucket, as in s3://bucket"};
  if (bucket.size() > 255) return wrong("is too long for the name of a bucket");
  if (bucket == "." || bucket == "..") return wrong("is not the name of a bucket");
  for (const char c : bucket) {
    const bool fine = IsLowerAlnum(c) || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_' || c == ':';
    if (!fine) return wrong("is not the name of a bucket: letters, digits, \".\", \"-\" and \"_\" are allowed");
  }
  return {};
}

bool IsRegionName(std::string_view region) {
  return !region.empty() && region.size() <= 63 && std::all_of(region.begin(), region.end(), [](char c) {
    return IsLowerAlnum(c) || (c >= 'A' && c <= 'Z') || c == '-';
  });
}

Result<Address> AddressOf(const S3Options& options, const Endpoint& endpoint, const Dialect& dialect, std::string_view region, std::string_view bucket) {
  Address address;
  address.scheme = endpoint.scheme;
  address.region = region;
  const bool tls = endpoint.scheme == "https";
  const bool host_bucket = IsHostBucket(bucket, tls);
  if (options.addressing == "virtual") {
    if (!bucket.empty() && !host_bucket) {
      return {Code::kInvalidArgument, "`addressing: virtual` does not work for this bucket: its name cannot stand in a host name; use `addressing: path`"};
    }
    address.virtual_host = !bucket.empty();
  } else if (options.addressing == "path") {
    address.virtual_host = false;
  } else {
    const bool wanted = endpoint.custom() ? !dialect.path_style && !IsIpAddress(endpoint.host) && endpoint.host != "localhost" : true;
    address.virtual_host = wanted && host_bucket;
  }
  std::string host = endpoint.host;
  if (!endpoint.custom()) {
    Result<std::string> aws = AwsHost(options, region, address.virtual_host || bucket.empty());
    if (!aws.ok()) return aws.status();
    host = std::move(*aws);
  }
  address.host = address.virtual_host ? std::string(bucket) + "." + host : host;
  if (!endpoint.port.empty()) address.host += ":" + endpoint.port;
  address.base = endpoint.base;
  if (!address.virtual_host && !bucket.empty()) address.base += "/" + std::string(bucket);
  return address;
}

}  // namespace fileferry::s3
