// status.cc: the table of errors as code, and the texts of a Status.  Values only; any thread.
#include "fileferry/status.h"

#include <array>

#include "base/text.h"

namespace fileferry {
namespace {

struct Row {
  Code code;
  std::string_view name;
  int exit_status;
  Retry retry;
};

constexpr Row kRows[] = {
#define FILEFERRY_ERROR(name, number, c_name, host_class, exit_status, retry, help) {Code::name, #name, exit_status, Retry::retry},
#include "fileferry/errors.def"
#undef FILEFERRY_ERROR
};

const Row* RowOf(Code code) {
  for (const Row& row : kRows) {
    if (row.code == code) return &row;
  }
  return nullptr;
}

Retry DefaultRetry(Code code) {
  const Row* row = RowOf(code);
  return row == nullptr ? Retry::kNever : row->retry;
}

ErrorDetail MakeDetail(Code code, std::string message) {
  ErrorDetail detail;
  detail.code = code;
  detail.retry = DefaultRetry(code);
  detail.message = std::move(message);
  return detail;
}

void AppendWord(std::string* out, std::string_view word) {
  if (word.empty()) return;
  if (!out->empty()) out->push_back(' ');
  out->append(word);
}

}  // namespace

std::string_view CodeName(Code code) {
  if (code == Code::kOk) return "Ok";
  const Row* row = RowOf(code);
  return row == nullptr ? "Unknown" : row->name.substr(1);  // without the 'k'
}

int CodeExitStatus(Code code) {
  if (code == Code::kOk) return 0;
  const Row* row = RowOf(code);
  return row == nullptr ? 1 : row->exit_status;
}

Status::Status(Code code, std::string message) {
  if (code != Code::kOk) detail_ = std::make_shared<const ErrorDetail>(MakeDetail(code, std::move(message)));
}

Status::Status(ErrorDetail detail) {
  if (detail.code != Code::kOk) detail_ = std::make_shared<const ErrorDetail>(std::move(detail));
}

Status Status::With(std::string_view provider, std::string_view operation, std::string_view key) const {
  if (ok()) return {};
  const auto adds = [](const std::string& field, std::string_view value) { return field.empty() && !value.empty(); };
  if (!adds(detail_->provider, provider) && !adds(detail_->operation, operation) && !adds(detail_->key, key)) return *this;
  ErrorDetail detail = *detail_;
  if (detail.provider.empty()) detail.provider = provider;
  if (detail.operation.empty()) detail.operation = operation;
  if (detail.key.empty()) detail.key = key;
  return Status(std::move(detail));
}

std::string Status::ToString() const {
  if (ok()) return "Ok";
  std::string out;
  AppendWord(&out, Printable(detail_->provider));
  AppendWord(&out, Printable(detail_->operation));
  AppendWord(&out, Printable(detail_->key));
  if (!out.empty()) out += ": ";
  out += CodeName(detail_->code);
  if (!detail_->message.empty()) out += ": " + Printable(detail_->message);
  std::string facts = Printable(detail_->service_code);
  if (detail_->http_status != 0) facts += (facts.empty() ? "HTTP " : ", HTTP ") + std::to_string(detail_->http_status);
  if (!detail_->request_id.empty()) facts += (facts.empty() ? "id " : ", id ") + Printable(detail_->request_id);
  if (!facts.empty()) out += " (" + facts + ")";
  return out;
}

}  // namespace fileferry
