// credentials.cc: credential sources: fixed keys, and the chain with its memory: early refresh, one refresh at a time, a failure remembered for a while.
#include "providers/s3/credentials.h"

#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "base/clock.h"
#include "providers/s3/credentials_chain.h"

namespace fileferry::s3 {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr minutes kRefreshEarly{15};  // from here on one caller tries, the others go on with what they have
constexpr minutes kRefreshSoon{10};   // from here on it tries often
constexpr seconds kBetweenEarlyTries{60};
constexpr seconds kBetweenSoonTries{10};
constexpr seconds kRememberNothing{60};
constexpr seconds kRememberTrouble{1};
constexpr seconds kFresh{5};  // keys so young are not the ones that the service called expired

class FixedSource : public IS3CredentialSource {
 public:
  explicit FixedSource(S3Credentials keys) : keys_(std::move(keys)) {}
  Result<S3Credentials> Get(const OpContext&) override { return keys_; }
  void Invalidate() override {}

 private:
  const S3Credentials keys_;
};

class ChainSource : public IS3CredentialSource {
 public:
  explicit ChainSource(CredentialOptions options) : options_(std::move(options)) {}
  ~ChainSource() override {
    State* last = state_.load();
    if (last != nullptr && last->owner == ::getpid()) delete last;
  }

  Result<S3Credentials> Get(const OpContext& ctx) override {
    State* state = Current();
    std::unique_lock lock(state->mutex);
    while (true) {
      const Time now = Now();
      if (IsUsable(*state, now)) {
        if (!IsDue(*state, now) || state->is_refreshing) return *state->keys;
      } else if (!state->failure.ok() && now < state->failure_until) {
        return state->failure;
      }
      if (!state->is_refreshing) break;
      state->refreshed.wait_for(lock, std::chrono::milliseconds(50));
      if (Status status = ctx.Check(); !status.ok()) return status;
    }
    return Refresh(ctx, state, &lock);
  }

  void Invalidate() override {
    State* state = Current();
    const std::lock_guard lock(state->mutex);
    state->failure = Status();
    if (state->keys && Now() - state->fetched >= kFresh) state->is_invalid = true;
  }

 private:
  struct State {
    explicit State(pid_t pid, State* parent) : owner(pid), before(parent) {}
    const pid_t owner;
    State* const before;  // of the process that this one was forked from: its mutex may be locked for ever
    std::mutex mutex;
    std::condition_variable refreshed;
    std::optional<S3Credentials> keys;
    Time fetched{};
    Time next_try{};
    bool is_invalid = false;
    bool is_refreshing = false;
    Status failure;
    Time failure_until{};
  };

  // The state of this process; a child starts with an empty one.
  State* Current() {
    const pid_t self = ::getpid();
    State* current = state_.load(std::memory_order_acquire);
    while (current == nullptr || current->owner != self) {
      auto fresh = std::make_unique<State>(self, current);
      if (state_.compare_exchange_strong(current, fresh.get(), std::memory_order_acq_rel)) return fresh.release();
    }
    return current;
  }

  static bool IsUsable(const State& state, Time now) { return state.keys && !state.is_invalid && (!state.keys->expires || *state.keys->expires > now); }
  static bool IsDue(const State& state, Time now) { return state.keys->expires && *state.keys->expires - now < kRefreshEarly && now >= state.next_try; }

  Result<S3Credentials> Refresh(const OpContext& ctx, State* state, std::unique_lock<std::mutex>* lock) {
    state->is_refreshing = true;
    lock->unlock();
    Result<S3Credentials> fetched = FetchFromChain(options_, ctx);
    if (fetched.ok() && fetched->expires && *fetched->expires <= Now()) fetched = Status(Code::kUnauthenticated, "the keys of " + fetched->origin + " have ended; renew them");
    lock->lock();
    state->is_refreshing = false;
    state->refreshed.notify_all();
    const Time now = Now();
    if (fetched.ok()) {
      state->keys = fetched.value();
      state->fetched = now;
      state->is_invalid = false;
      state->failure = Status();
      // Keys that are short-lived by nature are not fetched for each request.
      state->next_try = now + kBetweenSoonTries;
      return fetched;
    }
    if (IsUsable(*state, now)) {
      const bool soon = *state->keys->expires - now < kRefreshSoon;
      state->next_try = now + (soon ? kBetweenSoonTries : kBetweenEarlyTries);
      return *state->keys;
    }
    // A caller who gave up says nothing about the sources.
    if (ctx.Check().ok()) {
      state->failure = fetched.status();
      state->failure_until = now + (fetched.status().temporary() ? kRememberTrouble : kRememberNothing);
    }
    return fetched;
  }

  const CredentialOptions options_;
  std::atomic<State*> state_{nullptr};
};

}  // namespace

std::shared_ptr<IS3CredentialSource> NewCredentialChain(CredentialOptions options) { return std::make_shared<ChainSource>(std::move(options)); }

std::shared_ptr<IS3CredentialSource> NewStaticCredentials(std::string access_key_id, std::string secret_access_key, std::string session_token, std::string origin) {
  return std::make_shared<FixedSource>(S3Credentials{std::move(access_key_id), std::move(secret_access_key), std::move(session_token), std::nullopt, std::move(origin)});
}

std::shared_ptr<IS3CredentialSource> NewAnonymousCredentials() { return std::make_shared<FixedSource>(S3Credentials{{}, {}, {}, std::nullopt, "anonymous"}); }

}  // namespace fileferry::s3
