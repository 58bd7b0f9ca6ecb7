// probe.cc: finding out whether an unknown service honours If-None-Match: * on PutObject.  Thread-safe; blocks.
//
// Asked with an object of its own, beside the one that is to be written, so that credentials for a prefix suffice: made twice, and removed.  Only 412 to the second one is a yes.
#include "base/clock.h"
#include "base/digest.h"
#include "providers/s3/provider.h"

namespace fileferry::s3 {

bool S3Provider::CreatesOnlyIfAbsent(const OpContext& ctx, const Dialect& dialect, std::string_view key) {
  if (dialect.conditional_put || !dialect.conditional_put_unknown) return dialect.conditional_put;
  if (const Learned known = if_absent_.load(std::memory_order_acquire); known != Learned::kUnknown) return known == Learned::kYes;
  const std::lock_guard<std::mutex> lock(probe_mutex_);
  if (const Learned known = if_absent_.load(std::memory_order_acquire); known != Learned::kUnknown) return known == Learned::kYes;
  const Learned learned = Probe(ctx, key);
  if_absent_.store(learned, std::memory_order_release);
  return learned == Learned::kYes;
}

S3Provider::Learned S3Provider::Probe(const OpContext& ctx, std::string_view key) {
  const std::string scratch = std::string(key.substr(0, key.rfind('/') + 1)) + ".fileferry-probe-" + RandomId();
  if (!CheckKey(scratch).ok()) return Learned::kUnknown;  // another key may be shorter
  constexpr std::string_view kText = "made by fileferry to find out whether If-None-Match is honoured; it can be removed\n";
  const auto create = [&] {
    Call call;
    call.operation = "probe";
    call.method = HttpMethod::kPut;
    call.key = scratch;
    call.write = true;
    call.payload = PayloadHash::kGiven;
    call.sha256 = Sha256Hex(AsBytes(kText));
    call.body = AsBytes(kText);
    call.headers.emplace_back("content-type", "text/plain");
    call.headers.emplace_back("if-none-match", "*");
    return api_->Send(ctx, call);
  };
  const auto refused = [](const Result<http::Response>& answer) { return !answer.ok() && answer.status().detail().http_status == 412; };
  // An answer that says nothing of conditions, or that came to a request sent twice, is no evidence.
  const auto verdict = [](const Result<http::Response>& answer) { return answer.ok() || answer.status().temporary() ? Learned::kUnknown : Learned::kNo; };
  const Result<http::Response> first = create();
  const bool made = first.ok() || first.status().detail().ambiguous;
  Learned learned = refused(first) ? Learned::kUnknown : verdict(first);
  if (first.ok()) {
    const Result<http::Response> second = create();
    learned = refused(second) ? Learned::kYes : second.ok() ? Learned::kNo : verdict(second);
  }
  if (made) {
    Call remove;
    remove.operation = "probe";
    remove.method = HttpMethod::kDelete;
    remove.key = scratch;
    remove.write = true;
    (void)api_->Send(ctx, remove);  // who may not remove objects leaves one behind, and goes on
  }
  return learned;
}

Capabilities S3Provider::Caps() const {
  Capabilities caps = CapabilitiesOf(api_->Vendor(), place_);
  caps.sets_class = !api_->options().storage_class.empty();
  caps.sets_encryption = !api_->options().sse.empty();
  const Learned known = if_absent_.load(std::memory_order_acquire);
  if (!caps.conditional_put_unknown || known == Learned::kUnknown) return caps;
  caps.conditional_put_unknown = false;
  caps.conditional_put = known == Learned::kYes;
  return caps;
}

}  // namespace fileferry::s3
