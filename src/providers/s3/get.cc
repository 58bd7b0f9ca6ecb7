// get.cc: HeadObject and GetObject: what came is what was asked for, or it is an error.  Thread-safe; blocks.
#include <algorithm>

#include "base/digest.h"
#include "base/text.h"
#include "core/kept.h"
#include "fileferry/ops.h"
#include "providers/s3/provider.h"

namespace fileferry::s3 {

namespace {

Status Cut(std::string message) {
  ErrorDetail detail;
  detail.code = Code::kUnavailable;
  detail.retry = Retry::kTemporary;
  detail.message = std::move(message);
  return Status(std::move(detail));
}

// Stands between the answer and the caller's sink: checks the head, cuts the range out of an answer that ignored it, computes digests.
class Receiver final : public ISink, public http::Request::IHeadCheck {
 public:
  Receiver(const Dialect& dialect, std::string_view key, const GetOptions& options, bool ranged, ISink& sink)
      : dialect_(dialect), key_(key), options_(options), ranged_(ranged), sink_(sink), hasher_(0) {}

  Status OnHead(const http::Response& head) override {
    Result<ObjectInfo> info = InfoFromHeaders(dialect_, key_, head);
    if (!info.ok()) return info.status();
    info_ = std::move(*info);
    // Some services ignore If-Match together with Range.
    if (!options_.if_match.empty() && !info_.etag.empty() && !SameEtag(options_.if_match, info_.etag)) {
      return {Code::kPreconditionFailed, "the object is another version than the one that was asked for"};
    }
    skip_ = 0;
    const bool sized = head.status == 206 || !head.Find("content-length").empty();
    if (Status status = head.status == 206 ? CheckPart(head) : CheckWhole(sized); !status.ok()) return status;
    whole_ = options_.offset == 0 && sized ? expected_ == info_.size : options_.offset == 0 && !options_.length;
    DigestMask wanted = whole_ ? options_.digests : DigestMask{0};
    if (whole_ && options_.verify) wanted = static_cast<DigestMask>(wanted | ToCompare(info_, wanted));
    hasher_ = Hasher(wanted);
    hashing_ = wanted != 0;
    got_ = 0;
    if (options_.head != nullptr) *options_.head = info_;
    return {};
  }

  Status Write(Bytes bytes) override {
    const std::size_t skipped = static_cast<std::size_t>(std::min<std::uint64_t>(skip_, bytes.size()));
    skip_ -= skipped;
    bytes = bytes.subspan(skipped);
    if (expected_) bytes = bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), *expected_ - got_)));
    if (!bytes.empty()) {
      if (hashing_) hasher_.Update(bytes);
      if (Status status = sink_.Write(bytes); !status.ok()) return status;
      got_ += bytes.size();
    }
    if (ignored_range_ && got_ == *expected_) {
      enough_ = true;
      return {Code::kCancelled, "the range is complete"};
    }
    return {};
  }
  Status Restart() override {
    got_ = 0;
    return sink_.Restart();
  }

  std::span<std::byte> Room() override {
    if (skip_ > 0) return {};
    const std::span<std::byte> room = sink_.Room();
    return expected_ ? room.first(static_cast<std::size_t>(std::min<std::uint64_t>(room.size(), *expected_ - got_))) : room;
  }

  // The range was cut out of a longer answer, and the exchange stopped on purpose.
  bool enough() const { return enough_; }

  // The digests of the bytes that came, where nothing but what was written beside the object says otherwise.
  const std::optional<DigestSet>& contradicted() const { return contradicted_; }

  Result<ObjectInfo> Finish() {
    if (!expected_) {
      expected_ = got_;
      info_.size = got_;
    }
    if (got_ != *expected_) return Cut("the answer was cut: " + std::to_string(got_) + " of " + std::to_string(*expected_) + " bytes came");
    if (!hashing_) return std::move(info_);
    const DigestSet computed = hasher_.Finish();
    if (options_.verify && Compare(info_.digests, computed) == DigestMatch::kDifferent) {
      const DigestSet answered = ConfirmedDigests(info_);
      const DigestMatch match = Compare(answered, computed);
      if (match == DigestMatch::kDifferent) return Status(Code::kIntegrity, "the bytes that came do not have the digest that the storage keeps for the object");
      if (match == DigestMatch::kNothingInCommon) contradicted_ = computed;
      info_.digests = answered;  // without those that were written beside other bytes
    }
    for (const Digest& digest : computed) info_.digests.Set(digest);
    return std::move(info_);
  }

 private:
  Status CheckPart(const http::Response& head) {
    ContentRange range;
    if (!ranged_ || !ParseContentRange(head.Find("content-range"), &range) || range.unsatisfied || range.first != options_.offset) {
      return Cut("the service sent another range than the one that was asked for");
    }
    std::uint64_t wanted = range.total - options_.offset;
    if (options_.length) wanted = std::min(wanted, *options_.length);
    if (range.last - range.first + 1 != wanted) return Cut("the service sent less than the range that was asked for");
    expected_ = wanted;
    return {};
  }

  Status CheckWhole(bool sized) {
    ignored_range_ = ranged_;
    if (!sized) {
      if (ranged_ && !options_.length) skip_ = options_.offset;
      else if (ranged_) return Cut("the service ignored the range and does not say the size of the object");
      expected_.reset();
      ignored_range_ = false;
      return {};
    }
    if (options_.offset > 0 && options_.offset >= info_.size && info_.size > 0) return {Code::kInvalidArgument, "the range begins past the end of the object"};
    skip_ = std::min(options_.offset, info_.size);
    expected_ = info_.size - skip_;
    if (options_.length) expected_ = std::min(*expected_, *options_.length);
    ignored_range_ = ranged_ && skip_ + *expected_ < info_.size;
    return {};
  }

  const Dialect& dialect_;
  const std::string_view key_;
  const GetOptions& options_;
  const bool ranged_;
  ISink& sink_;
  Hasher hasher_;
  ObjectInfo info_;
  bool hashing_ = false, whole_ = false, ignored_range_ = false, enough_ = false;
  std::uint64_t skip_ = 0, got_ = 0;
  std::optional<DigestSet> contradicted_;
  std::optional<std::uint64_t> expected_;  // bytes for the caller; absent: to the end of an answer without a length
};

}  // namespace

Result<ObjectInfo> S3Provider::Head(const OpContext& ctx, std::string_view operation, std::string_view key, const std::optional<std::string>& bucket,
                                    const std::string& version_id) {
  Result<const Dialect*> dialect = api_->FindVendor(ctx);
  if (!dialect.ok()) return Fail(operation, key, dialect.status());
  Call call;
  call.operation = operation;
  call.method = HttpMethod::kHead;
  call.key = key;
  call.bucket = bucket;
  if (!version_id.empty()) call.query.emplace_back("versionId", version_id);
  if ((*dialect)->gives_checksums) call.headers.emplace_back("x-amz-checksum-mode", "ENABLED");
  Result<http::Response> response = api_->Send(ctx, call);
  if (!response.ok()) return response.status();
  Result<ObjectInfo> info = InfoFromHeaders(**dialect, key, *response);
  if (!info.ok()) return Fail(operation, key, info.status());
  return info;
}

Result<ObjectInfo> S3Provider::HeadByGet(const OpContext& ctx, std::string_view operation, std::string_view key, const std::optional<std::string>& bucket, const Status& head) {
  // The answer to a HEAD has no body: only a GET says whether it is the clock, the region, the token or a permission; and Send mends the former.
  Call call;
  call.operation = operation;
  call.key = key;
  call.bucket = bucket;
  call.headers.emplace_back("range", "bytes=0-0");
  const std::unique_ptr<ISink> nowhere = NullSink();
  call.sink = nowhere.get();
  Result<http::Response> response = api_->Send(ctx, call);
  if (!response.ok() && response.status().detail().http_status != 416) {
    const ErrorDetail& why = response.status().detail();
    return why.http_status != 0 && why.service_code.empty() ? head : response.status();
  }
  return Head(ctx, operation, key, bucket, {});
}

Result<ObjectInfo> S3Provider::Stat(const OpContext& ctx, std::string_view key) {
  Result<const Dialect*> dialect = Enter(ctx, "stat", key);
  if (!dialect.ok()) return dialect.status();
  Result<ObjectInfo> info = Head(ctx, "stat", key, std::nullopt, {});
  if (info.ok()) return info;
  const Status status = info.status();
  const int http = status.detail().http_status;
  if ((http == 400 || http == 403) && status.detail().service_code.empty()) return HeadByGet(ctx, "stat", key, std::nullopt, status);
  return info;
}

// A range of no bytes, or one that the service refused: what HEAD says about the object decides.
Result<ObjectInfo> S3Provider::EmptyRange(const OpContext& ctx, std::string_view key, const GetOptions& options, const Status* refused) {
  Result<ObjectInfo> info = Head(ctx, "get", key, std::nullopt, options.version_id);
  if (!info.ok()) return info;
  if (!options.if_match.empty() && !SameEtag(options.if_match, info->etag)) {
    return Fail("get", key, Code::kPreconditionFailed, "the object is another version than the one that was asked for");
  }
  if (!options.if_none_match.empty() && SameEtag(options.if_none_match, info->etag)) {
    ErrorDetail detail;
    detail.code = Code::kPreconditionFailed;
    detail.message = "the object is still the version that is known";
    detail.http_status = 304;
    return Fail("get", key, Status(std::move(detail)));
  }
  if (options.head != nullptr) *options.head = *info;
  if (info->size == 0) {
    for (const Digest& digest : Hasher(options.digests).Finish()) info->digests.Set(digest);
    return info;
  }
  if (options.offset >= info->size) return Fail("get", key, Code::kInvalidArgument, "the range begins past the end of the object, which has " + std::to_string(info->size) + " bytes");
  if (refused != nullptr) return Fail("get", key, Cut("the service refused a range that the object has: " + std::string(refused->message())));
  return info;
}

Result<ObjectInfo> S3Provider::Get(const OpContext& ctx, std::string_view key, const GetOptions& options, ISink& sink) {
  Result<const Dialect*> dialect = Enter(ctx, "get", key);
  if (!dialect.ok()) return dialect.status();
  if (options.length && *options.length == 0) return EmptyRange(ctx, key, options, nullptr);
  const bool ranged = options.offset > 0 || options.length.has_value();
  Receiver receiver(**dialect, key, options, ranged, sink);
  Call call;
  call.operation = "get";
  call.key = key;
  call.sink = &receiver;
  call.head_check = &receiver;
  if (!options.version_id.empty()) call.query.emplace_back("versionId", options.version_id);
  if (ranged) {
    std::string range = "bytes=" + std::to_string(options.offset) + "-";
    constexpr std::uint64_t kLast = INT64_MAX;  // services read the end of a range as a signed number
    if (options.length && options.offset <= kLast && *options.length - 1 <= kLast - options.offset) range += std::to_string(options.offset + (*options.length - 1));
    call.headers.emplace_back("range", std::move(range));
  }
  if (!options.if_match.empty()) call.headers.emplace_back("if-match", options.if_match);
  if (!options.if_none_match.empty()) call.headers.emplace_back("if-none-match", options.if_none_match);
  if ((*dialect)->gives_checksums && !ranged) call.headers.emplace_back("x-amz-checksum-mode", "ENABLED");
  Result<http::Response> response = api_->Send(ctx, call);
  if (!response.ok() && !receiver.enough()) {
    const Status status = response.status();
    if (status.detail().http_status == 416) return EmptyRange(ctx, key, options, &status);
    return status;
  }
  Result<ObjectInfo> info = receiver.Finish();
  if (!info.ok()) return Fail("get", key, info.status());
  if (receiver.contradicted()) {
    if (Status status = CheckByEtag(ctx, **dialect, key, options, *receiver.contradicted(), *info); !status.ok()) return Fail("get", key, status);
  }
  return info;
}

// A program that replaces an object and keeps its metadata keeps our digests of other bytes.  The ETag tells, where it is the MD5 of what was put: if a second reading finds the same bytes
// and the ETag is theirs, they are what was put last.
Status S3Provider::CheckByEtag(const OpContext& ctx, const Dialect& dialect, std::string_view key, const GetOptions& options, const DigestSet& came, const ObjectInfo& info) {
  const Status differs(Code::kIntegrity, "the bytes that came do not have the digest that was written beside the object when it was put");
  if (!dialect.etag_is_md5 || info.etag.size() != 34) return differs;
  GetOptions again;
  again.version_id = options.version_id;
  again.if_match = info.etag;
  again.verify = false;
  again.digests = static_cast<DigestMask>(came.mask() | MaskOf(DigestKind::kMd5));
  const std::unique_ptr<ISink> nowhere = NullSink();
  Result<ObjectInfo> read = Get(ctx, key, again, *nowhere);
  if (!read.ok()) return read.status();
  const Digest* md5 = read->digests.Find(DigestKind::kMd5);
  if (md5 == nullptr || Compare(came, read->digests) != DigestMatch::kEqual || !SameEtag(info.etag, ToHex(md5->value()))) return differs;
  return {};
}

Result<std::unique_ptr<ISource>> S3Provider::Open(const OpContext&, std::string_view key, const GetOptions&, ObjectInfo*) {
  return Fail("open", key, Code::kUnsupported, "an object of this storage cannot be held open: use Get");
}

}  // namespace fileferry::s3
