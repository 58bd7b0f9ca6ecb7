// url.cc: presigned, public and custom-domain URLs.  Thread-safe.
#include "providers/s3/provider.h"

namespace fileferry::s3 {

Result<SignedUrl> S3Provider::Url(std::string_view key, const UrlOptions& options) {
  OpContext ctx;
  ctx.deadline = OpContext::Clock::now() + api_->options().connect_timeout;
  if (Result<const Dialect*> entered = Enter(ctx, "url", key); !entered.ok()) return entered.status();
  if (options.method != HttpMethod::kGet && options.method != HttpMethod::kHead && options.method != HttpMethod::kPut) {
    return Fail("url", key, Code::kUnsupported, "URLs are made for GET, HEAD and PUT");
  }
  if (options.is_public) {
    if (options.method == HttpMethod::kPut) return Fail("url", key, Code::kInvalidArgument, "a URL for PUT is always signed: leave `is_public` out");
    Result<std::string> url = api_->PublicUrl(key);
    if (!url.ok()) return Fail("url", key, url.status());
    SignedUrl result;
    result.url = std::move(*url);
    return result;
  }
  if (options.expires < std::chrono::seconds(1) || options.expires > std::chrono::seconds(604800)) {
    return Fail("url", key, Code::kInvalidArgument, "a signed URL lives between one second and 7 days: change `expires`");
  }
  return api_->Presign(key, options);
}

}  // namespace fileferry::s3
