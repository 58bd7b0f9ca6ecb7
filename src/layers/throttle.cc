// throttle.cc: limits on bytes and requests a second.  A limiter may be shared by storages and changed while transfers run.  Any thread.
#include <algorithm>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "layers/around.h"
#include "layers/bodies.h"

namespace fileferry {
namespace {

using layers::Body;
using layers::CallInfo;

// First come, first served: every call reserves the next stretch of an endless line, and passes when the line has moved to the end of its stretch.
class Limiter final : public RateLimiter {
 public:
  explicit Limiter(double per_second) : rate_(std::max(0.0, per_second)), since_(SteadyNow()) { released_ = Burst(); }

  Status Acquire(const OpContext& ctx, std::uint64_t amount) override {
    if (Status s = ctx.Check(); !s.ok() || amount == 0) return s;
    const double wanted = static_cast<double>(amount);
    std::unique_lock lock(mutex_);
    Advance();
    reserved_ += wanted;
    const double end = reserved_;
    while (true) {
      Advance();
      if (rate_ == 0 || released_ >= end) return {};
      const double seconds = (end - released_) / rate_;
      const auto wait = std::chrono::milliseconds(static_cast<std::int64_t>(std::clamp(seconds * 1000, 1.0, 50.0)));
      lock.unlock();
      Status status = SleepFor(ctx, wait);
      lock.lock();
      if (!status.ok()) {
        released_ += wanted;  // those behind move up
        return status;
      }
    }
  }

  void SetRate(double per_second) override {
    const std::lock_guard lock(mutex_);
    Advance();
    rate_ = std::max(0.0, per_second);
  }
  double rate() const override {
    const std::lock_guard lock(mutex_);
    return rate_;
  }

 private:
  // What an idle limiter lets pass at once.
  double Burst() const { return std::max(1.0, rate_ * 0.02); }
  void Advance() {
    const OpContext::Clock::time_point now = SteadyNow();
    const double seconds = std::chrono::duration<double>(now - since_).count();
    since_ = now;
    released_ = rate_ == 0 ? reserved_ : std::min(released_ + seconds * rate_, reserved_ + Burst());
  }

  mutable std::mutex mutex_;
  double rate_;
  OpContext::Clock::time_point since_;
  double released_ = 0;  // where the line is
  double reserved_ = 0;  // the end of the last stretch
};

// So small that a call never waits long for one piece, so large that waiting costs nothing.
std::size_t PieceFor(double rate) { return rate == 0 ? SIZE_MAX : static_cast<std::size_t>(std::clamp(rate / 20, 1024.0, 262144.0)); }

Status AcquirePieces(RateLimiter& limiter, const OpContext& ctx, std::uint64_t bytes) {
  while (bytes > 0) {
    const std::uint64_t piece = std::min<std::uint64_t>(bytes, PieceFor(limiter.rate()));
    if (Status s = limiter.Acquire(ctx, piece); !s.ok()) return s;
    bytes -= piece;
  }
  return {};
}

class ThrottledSink final : public ISink {
 public:
  ThrottledSink(ISink& inner, RateLimiter& limiter, const OpContext& ctx) : inner_(inner), limiter_(limiter), ctx_(ctx) {}
  Status Write(Bytes bytes) override {
    while (!bytes.empty()) {
      const Bytes piece = bytes.first(std::min(bytes.size(), PieceFor(limiter_.rate())));
      if (Status s = limiter_.Acquire(ctx_, piece.size()); !s.ok()) return s;
      if (Status s = inner_.Write(piece); !s.ok()) return s;
      bytes = bytes.subspan(piece.size());
    }
    return {};
  }
  Status Restart() override { return inner_.Restart(); }

 private:
  ISink& inner_;
  RateLimiter& limiter_;
  const OpContext& ctx_;
};

// A source that is read a second time (a digest before the body) is counted once.
class ThrottledSource final : public ISource {
 public:
  ThrottledSource(ISource& inner, std::unique_ptr<ISource> owned, RateLimiter& limiter, const OpContext& ctx)
      : owned_(std::move(owned)), inner_(inner), limiter_(limiter), ctx_(ctx) {}
  std::optional<std::uint64_t> size() const override { return inner_.size(); }
  Result<std::size_t> Read(std::span<std::byte> out) override {
    Result<std::size_t> got = inner_.Read(out.first(std::min(out.size(), PieceFor(limiter_.rate()))));
    if (!got.ok()) return got;
    if (Status s = Count(*got); !s.ok()) return s;
    return got;
  }
  Status Rewind() override {
    Status status = inner_.Rewind();
    if (status.ok()) position_ = 0;
    return status;
  }
  std::optional<Bytes> Memory() const override { return std::nullopt; }
  Status SendTo(ISink& sink) override {
    class Counting final : public ISink {
     public:
      Counting(ThrottledSource& source, ISink& sink) : source_(source), sink_(sink) {}
      Status Write(Bytes bytes) override {
        if (Status s = source_.Count(bytes.size()); !s.ok()) return s;
        return sink_.Write(bytes);
      }
      Status Restart() override {
        source_.position_ = 0;
        return sink_.Restart();
      }

     private:
      ThrottledSource& source_;
      ISink& sink_;
    } counting(*this, sink);
    return inner_.SendTo(counting);
  }

 private:
  Status Count(std::uint64_t bytes) {
    position_ += bytes;
    if (position_ <= counted_) return {};
    const std::uint64_t fresh = position_ - counted_;
    counted_ = position_;
    return AcquirePieces(limiter_, ctx_, fresh);
  }

  const std::unique_ptr<ISource> owned_;
  ISource& inner_;
  RateLimiter& limiter_;
  const OpContext ctx_;
  std::uint64_t position_ = 0, counted_ = 0;
};

// Bytes up to this size in memory are paid for before the call, so that the provider can take them where they lie.
constexpr std::uint64_t kPrepaid = std::uint64_t{1} << 20;

struct Hooks : layers::PlainHooks {
  Hooks(ThrottlePolicy p, std::string storage) : policy(std::move(p)), name(std::move(storage)) {}

  template <typename R, typename F>
  R Around(const CallInfo& call, F&& next) {
    // A commit is the flush of writes that were counted; a URL is computed here.
    if (call.operation == Operation::kUrl || call.operation == Operation::kCommitBatch) return next(call.ctx, call.body);
    if (policy.requests != nullptr) {
      if (Status s = policy.requests->Acquire(call.ctx, 1); !s.ok()) return layers::Failed<R>(call, s.With(name, OperationName(call.operation), call.key));
    }
    if (policy.bytes == nullptr) return next(call.ctx, call.body);
    if (call.body.sink != nullptr) {
      ThrottledSink sink(*call.body.sink, *policy.bytes, call.ctx);
      return next(call.ctx, Body{&sink, nullptr});
    }
    if (call.body.source != nullptr) {
      if (const std::optional<Bytes> memory = call.body.source->Memory(); memory && (memory->size() <= kPrepaid || policy.bytes->rate() == 0)) {
        if (Status s = AcquirePieces(*policy.bytes, call.ctx, memory->size()); !s.ok()) return layers::Failed<R>(call, s.With(name, OperationName(call.operation), call.key));
        return next(call.ctx, call.body);
      }
      ThrottledSource source(*call.body.source, nullptr, *policy.bytes, call.ctx);
      return next(call.ctx, Body{nullptr, &source});
    }
    R result = next(call.ctx, call.body);
    if constexpr (layers::kIsOpened<R>) {
      if (result.ok()) {
        std::unique_ptr<ISource> opened = std::move(result).value();
        ISource& source = *opened;
        return std::unique_ptr<ISource>(std::make_unique<ThrottledSource>(source, std::move(opened), *policy.bytes, call.ctx));
      }
    }
    return result;
  }

  const ThrottlePolicy policy;
  const std::string name;
};

}  // namespace

std::shared_ptr<RateLimiter> NewRateLimiter(double per_second) { return std::make_shared<Limiter>(per_second); }

ProviderPtr WithThrottle(ProviderPtr inner, ThrottlePolicy policy) {
  std::string name = inner->Name();
  return std::make_shared<layers::Around<Hooks>>(std::move(inner), std::move(policy), std::move(name));
}

}  // namespace fileferry
