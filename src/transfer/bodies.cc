// bodies.cc: see bodies.h.
#include "transfer/bodies.h"

#include <algorithm>
#include <utility>

namespace fileferry {

namespace {
constexpr std::uint64_t kSmall = std::uint64_t{1} << 20;  // bodies up to this size go through the worker's own buffer
}  // namespace

void CountedSource::Count(std::uint64_t bytes) {
  counted_ += bytes;
  meter_.Add(bytes);
  board_.moved.fetch_add(bytes, std::memory_order_relaxed);
}

// Read once only to know its digest, or sent again: what counts is the last time.
void CountedSource::Uncount() {
  meter_.Back(counted_);
  board_.moved.fetch_sub(counted_, std::memory_order_relaxed);
  counted_ = 0;
}

void CountedSource::CountAll(std::uint64_t size) {
  if (counted_ < size) Count(size - counted_);
}

Result<std::size_t> CountedSource::Read(std::span<std::byte> out) {
  Result<std::size_t> got = inner_.Read(out);
  if (!got.ok()) return Failed(got.status());
  Count(*got);
  return got;
}

Status CountedSource::Rewind() {
  Status status = inner_.Rewind();
  if (!status.ok()) return status;
  Uncount();
  return status;
}

std::optional<Bytes> CountedSource::Memory() const { return inner_.Memory(); }

class CountedSource::Tap : public ISink {
 public:
  Tap(CountedSource& owner, ISink& inner) : owner_(owner), inner_(inner) {}
  Status Write(Bytes bytes) override {
    Status status = inner_.Write(bytes);
    if (status.ok()) {
      owner_.Count(bytes.size());
    } else {
      sink_failed_ = true;
    }
    return status;
  }
  Status Restart() override {
    Status status = inner_.Restart();
    if (status.ok()) owner_.Uncount();
    return status;
  }
  bool sink_failed() const { return sink_failed_; }

 private:
  CountedSource& owner_;
  ISink& inner_;
  bool sink_failed_ = false;
};

Status CountedSource::SendTo(ISink& sink) {
  Tap tap(*this, sink);
  Status status = inner_.SendTo(tap);
  if (!status.ok() && !tap.sink_failed()) return Failed(status);
  return status;
}

Status BufferSink::Write(Bytes bytes) {
  if (buffer_->bytes().size() + bytes.size() > limit_) return Status(Code::kSourceChanged, "the object has grown since it was listed");
  buffer_->Append(bytes);
  return {};
}

Status OpenBody(const OpContext& ctx, const Setup& setup, const std::string& full_key, std::uint64_t expected_size, std::uint64_t offset, std::optional<std::uint64_t> length,
                const std::string& if_match, const ObjectInfo* known, BodyBuffer* small_buffer, Body* body) {
  const Side& from = setup.source;
  GetOptions get;
  get.offset = offset;
  get.length = length;
  if (from.caps.conditional_get) get.if_match = if_match;
  if (from.caps.open) {
    Result<std::unique_ptr<ISource>> opened = from.provider->Open(ctx, full_key, get, &body->info);
    if (!opened.ok()) return opened.status();
    body->source = std::move(*opened);
    return {};
  }
  const std::uint64_t size = length.value_or(expected_size);
  if (size > kSmall && setup.destination.caps.batch) {  // the destination takes bytes as they come
    if (known != nullptr) {
      body->info = *known;
    } else {
      Result<ObjectInfo> info = from.provider->Stat(ctx, full_key);
      if (!info.ok()) return info.status();
      body->info = std::move(*info);
    }
    if (from.caps.conditional_get && get.if_match.empty()) get.if_match = body->info.etag;
    body->source = ObjectSource(*from.provider, ctx, full_key, get, length.value_or(body->info.size));
    return {};
  }
  BodyBuffer* buffer = small_buffer;
  std::uint64_t limit = kSmall;
  if (size > kSmall) {
    body->lease = std::make_unique<BudgetLease>(setup.budget);
    if (Status status = body->lease->Take(ctx, size); !status.ok()) return status;
    buffer = &body->own_buffer;
    limit = size;
  }
  get.verify = length.has_value();  // of a whole object, the write compares these very bytes with the digest that the source keeps
  BufferSink sink(buffer, limit);
  buffer->Reserve(static_cast<std::size_t>(size));
  Result<ObjectInfo> got = from.provider->Get(ctx, full_key, get, sink);
  if (!got.ok()) return got.status();
  body->info = std::move(*got);
  body->source = MemorySource(buffer->bytes());
  return {};
}

}  // namespace fileferry
