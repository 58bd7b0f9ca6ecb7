// status.h: a Status says whether an operation succeeded and, if not, why.
//
// An OK Status owns nothing and is cheap to return and to test.  A Status is a plain value; it may be copied to, and read on,
// any thread.  No function of fileferry throws.
#ifndef FILEFERRY_STATUS_H
#define FILEFERRY_STATUS_H

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace fileferry {

// Stable numbers, listed with their meaning in errors.def.
enum class Code : std::int32_t {
  kOk = 0,
#define FILEFERRY_ERROR(name, number, c_name, host_class, exit_status, retry, help) name = number,
#include "fileferry/errors.def"
#undef FILEFERRY_ERROR
};

// "NotFound", "PermissionDenied", ...; "Ok" for kOk.  The text lives for ever.
std::string_view CodeName(Code code);
// The exit status of the command line for a run that ended with this code (0 for kOk).
int CodeExitStatus(Code code);

// What a caller may do with an error.  Only the retry layer turns kTemporary into kExhausted, so that an error is never
// retried by two loops.
enum class Retry : std::uint8_t { kNever, kTemporary, kExhausted };

struct ErrorDetail {
  Code code = Code::kInternal;
  Retry retry = Retry::kNever;
  std::string message{};       // one line: what is wrong and the mend; no full stop at the end, no secret
  std::string operation{};     // "put", "upload-part", ...: a name of OperationName (layers.h)
  std::string key{};           // the object's key, as the caller knows it; may hold any bytes
  std::string provider{};      // the name of the storage in the configuration, or its scheme
  std::string service_code{};  // the service's own word, e.g. "NoSuchUpload", or "ENOSPC"
  std::string request_id{};    // the service's id of the request, if it gave one
  int http_status = 0;         // 0 when no answer was received, or none is involved
  std::chrono::milliseconds retry_after{0};  // how long the service asks to wait; 0 when it did not say
  // True when the request may have taken effect although it failed (the answer was lost).
  bool ambiguous = false;
};

class [[nodiscard]] Status {
 public:
  Status() = default;  // OK
  // The retry class is errors.def's default for the code.
  Status(Code code, std::string message);
  explicit Status(ErrorDetail detail);

  static Status Ok() { return {}; }

  bool ok() const { return detail_ == nullptr; }
  Code code() const { return ok() ? Code::kOk : detail_->code; }
  bool temporary() const { return !ok() && detail_->retry == Retry::kTemporary; }
  // REQUIRES: !ok().  The reference lives as long as any copy of *this.
  const ErrorDetail& detail() const { return *detail_; }
  // The message alone; empty for OK.
  std::string_view message() const { return ok() ? std::string_view() : std::string_view(detail_->message); }

  // A copy in which empty fields of the detail are filled; fields that are set stay.  OK stays OK.
  Status With(std::string_view provider, std::string_view operation, std::string_view key) const;

  // One line for logs: "s3 put a/b: NotFound: the bucket does not exist (NoSuchBucket, HTTP 404, id 7f)".  Control characters of the key are shown as
  // \xNN, so that the line stays one line.
  std::string ToString() const;

 private:
  std::shared_ptr<const ErrorDetail> detail_;
};

// Either a T or the Status that explains its absence; never both.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<1>, std::move(value)) {}                // NOLINT: implicit on purpose
  Result(Status status) : state_(std::in_place_index<0>, std::move(status)) {}         // NOLINT.  REQUIRES: !status.ok()
  Result(Code code, std::string message) : Result(Status(code, std::move(message))) {}

  bool ok() const { return state_.index() == 1; }
  Status status() const { return ok() ? Status() : *std::get_if<0>(&state_); }
  Code code() const { return ok() ? Code::kOk : std::get_if<0>(&state_)->code(); }

  // REQUIRES: ok()
  T& value() & { return *std::get_if<1>(&state_); }
  const T& value() const& { return *std::get_if<1>(&state_); }
  T&& value() && { return std::move(*std::get_if<1>(&state_)); }
  T* operator->() { return std::get_if<1>(&state_); }
  const T* operator->() const { return std::get_if<1>(&state_); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }

 private:
  std::variant<Status, T> state_;
};

}  // namespace fileferry

#endif  // FILEFERRY_STATUS_H
