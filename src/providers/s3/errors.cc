// errors.cc: the table of the services' codes as data, and the reading of <Error> documents.  Pure; any thread.
#include "providers/s3/errors.h"

#include <algorithm>
#include <array>

#include "base/clock.h"
#include "base/text.h"
#include "codec/xml.h"

namespace fileferry::s3 {

namespace {

struct CodeRow {
  std::string_view code;
  Code status;
  Retry retry;
  Correction correction;
  std::string_view mend;  // empty: the service's own message
};

constexpr Retry kNo = Retry::kNever;
constexpr Retry kYes = Retry::kTemporary;
constexpr Correction kNone = Correction::kNone;

constexpr std::string_view kSlow = "the service asks to slow down: lower --transfers";
constexpr std::string_view kKeys = "the service does not accept the credentials: check access key and secret (`fileferry check` says where they came from)";
constexpr std::string_view kExpired = "the session token has expired: renew the credentials";
constexpr std::string_view kClock = "the clocks of this machine and of the service differ by more than 15 minutes: set the clock";
constexpr std::string_view kDenied = "the service refuses: check the permissions of these credentials on the bucket";
constexpr std::string_view kRegionWrong = "the bucket lies in another region: set `region`";
constexpr std::string_view kBucket = "the bucket does not exist: create it or check `bucket`";
constexpr std::string_view kDamaged = "the bytes that arrived are not the bytes that were sent";
constexpr std::string_view kTaken = "the bucket's name is taken by somebody else: choose another `bucket`";
constexpr std::string_view kFull = "the storage is full or its quota is reached: free space or raise the quota";
constexpr std::string_view kParts = "a part of the upload is not what was sent: send the object again";

constexpr std::array kCodes{
    // permission
    CodeRow{"AccessDenied", Code::kPermissionDenied, kNo, kNone, kDenied},
    CodeRow{"AllAccessDisabled", Code::kPermissionDenied, kNo, kNone, "all access to this bucket is disabled: ask the service"},
    CodeRow{"AccountProblem", Code::kPermissionDenied, kNo, kNone, "the account is blocked: ask the service"},
    CodeRow{"AccountNotEntitled", Code::kPermissionDenied, kNo, kNone, {}},
    CodeRow{"NotSignedUp", Code::kPermissionDenied, kNo, kNone, {}},
    CodeRow{"UserSuspended", Code::kPermissionDenied, kNo, kNone, {}},
    CodeRow{"KMS.DisabledException", Code::kPermissionDenied, kNo, kNone, "the KMS key of the object is disabled: enable it"},
    CodeRow{"KMS.NotFoundException", Code::kPermissionDenied, kNo, kNone, "the KMS key does not exist: check `sse_kms_key`"},
    CodeRow{"KMS.InvalidStateException", Code::kPermissionDenied, kNo, kNone, "the KMS key is not usable in its present state"},
    CodeRow{"KMS.KMSInvalidStateException", Code::kPermissionDenied, kNo, kNone, "the KMS key is not usable in its present state"},
    CodeRow{"ObjectLockConfigurationNotFoundError", Code::kNotFound, kNo, kNone, {}},
    // who is asking
    CodeRow{"InvalidAccessKeyId", Code::kUnauthenticated, kNo, Correction::kToken, kKeys},
    CodeRow{"SignatureDoesNotMatch", Code::kUnauthenticated, kNo, Correction::kClock, kKeys},
    CodeRow{"InvalidTokenId", Code::kUnauthenticated, kNo, Correction::kToken, kKeys},
    CodeRow{"InvalidToken", Code::kUnauthenticated, kNo, Correction::kToken, "the session token is not valid: renew the credentials"},
    CodeRow{"ExpiredToken", Code::kUnauthenticated, kNo, Correction::kToken, kExpired},
    CodeRow{"ExpiredTokenException", Code::kUnauthenticated, kNo, Correction::kToken, kExpired},
    CodeRow{"TokenRefreshRequired", Code::kUnauthenticated, kNo, Correction::kToken, kExpired},
    CodeRow{"InvalidSecurity", Code::kUnauthenticated, kNo, kNone, kKeys},
    CodeRow{"UnauthorizedAccess", Code::kUnauthenticated, kNo, kNone, kKeys},
    CodeRow{"MissingSecurityHeader", Code::kInvalidArgument, kNo, kNone, {}},
    CodeRow{"MissingAuthenticationToken", Code::kUnauthenticated, kNo, kNone, "the service wants credentials: set access key and secret"},
    // clock
    CodeRow{"RequestTimeTooSkewed", Code::kUnauthenticated, kNo, Correction::kClock, kClock},
    CodeRow{"RequestExpired", Code::kUnauthenticated, kNo, Correction::kClock, kClock},
    CodeRow{"RequestInTheFuture", Code::kUnauthenticated, kNo, Correction::kClock, kClock},
    // region
    CodeRow{"AuthorizationHeaderMalformed", Code::kInvalidArgument, kNo, Correction::kRegion, "the service wants another signing region: set `region`"},
    CodeRow{"PermanentRedirect", Code::kInvalidArgument, kNo, Correction::kRegion, kRegionWrong},
    CodeRow{"TemporaryRedirect", Code::kUnavailable, kYes, Correction::kRegion, kRegionWrong},
    CodeRow{"Redirect", Code::kUnavailable, kYes, Correction::kRegion, kRegionWrong},
    CodeRow{"IllegalLocationConstraintException", Code::kInvalidArgument, kNo, Correction::kRegion, kRegionWrong},
    CodeRow{"InvalidLocationConstraint", Code::kInvalidArgument, kNo, kNone, "the service has no such region: check `region`"},
    CodeRow{"InvalidRegion", Code::kInvalidArgument, kNo, Correction::kRegion, "the service has no such region: check `region`"},
    // requests that cannot be served
    CodeRow{"AuthorizationQueryParametersError", Code::kInvalidArgument, kNo, Correction::kRegion, {}},
    CodeRow{"InvalidRequest", Code::kInvalidArgument, kNo, kNone, {}},
    CodeRow{"InvalidArgument", Code::kInvalidArgument, kNo, kNone, {}},
    CodeRow{"InvalidURI", Code::kInvalidArgument, kNo, kNone, {}},
    CodeRow{"MalformedXML", Code::kInvalidArgument, kNo, kNone, {}},
    CodeRow{"InvalidStorageClass", Code::kInvalidArgument, kNo, kNone, "the service has no such storage class: check `storage_class`"},
    CodeRow{"InvalidEncryptionAlgorithmError", Code::kInvalidArgument, kNo, kNone, "the service has no such encryption: check `sse`"},
    CodeRow{"MetadataTooLarge", Code::kInvalidArgument, kNo, kNone, "the object has more user metadata than the service keeps (2 KB)"},
    CodeRow{"InvalidTag", Code::kInvalidArgument, kNo, kNone, {}},
    CodeRow{"KeyTooLongError", Code::kInvalidArgument, kNo, kNone, "the key is longer than the service allows"},
    CodeRow{"XMinioInvalidObjectName", Code::kInvalidArgument, kNo, kNone, "the service cannot hold this key: map it to another name"},
    CodeRow{"XMinioInvalidResourceName", Code::kInvalidArgument, kNo, kNone, "the service cannot hold this key: map it to another name"},
    CodeRow{"InvalidBucketName", Code::kInvalidArgument, kNo, kNone, "the service does not allow this bucket name: check `bucket`"},
    CodeRow{"InvalidObjectName", Code::kInvalidArgument, kNo, kNone, "the service cannot hold this key: map it to another name"},
    CodeRow{"AccessControlListNotSupported", Code::kUnsupported, kNo, kNone, "the bucket does not take ACLs: leave `acl` out"},
    CodeRow{"EntityTooLarge", Code::kInvalidArgument, kNo, kNone, "the object is too large for one request: send it in parts"},
    CodeRow{"EntityTooSmall", Code::kInvalidArgument, kNo, kNone, "a part before the last is too small: raise the part size"},
    CodeRow{"MissingContentLength", Code::kInternal, kNo, kNone, {}},
    CodeRow{"InvalidPart", Code::kIntegrity, kNo, kNone, kParts},
    CodeRow{"InvalidPartOrder", Code::kInternal, kNo, kNone, {}},
    CodeRow{"InvalidRange", Code::kInvalidArgument, kNo, kNone, "the range begins past the end of the object"},
    CodeRow{"InvalidPartNumber", Code::kInvalidArgument, kNo, kNone, {}},
    // integrity
    CodeRow{"BadDigest", Code::kIntegrity, kYes, kNone, kDamaged},
    CodeRow{"XAmzContentSHA256Mismatch", Code::kIntegrity, kYes, kNone, kDamaged},
    CodeRow{"XAmzContentChecksumMismatch", Code::kIntegrity, kYes, kNone, kDamaged},
    CodeRow{"InvalidDigest", Code::kInternal, kNo, kNone, {}},
    CodeRow{"IncompleteBody", Code::kUnavailable, kYes, kNone, "the body was cut on its way to the service"},
    CodeRow{"RequestTimeout", Code::kTimeout, kYes, kNone, "the service waited too long for the body"},
    // what is not there
    CodeRow{"NoSuchKey", Code::kNotFound, kNo, kNone, "there is no such object"},
    CodeRow{"NoSuchBucket", Code::kNotFound, kNo, kNone, kBucket},
    CodeRow{"NoSuchUpload", Code::kNotFound, kNo, kNone, "there is no such upload; it was completed, aborted or swept away"},
    CodeRow{"NoSuchVersion", Code::kNotFound, kNo, kNone, "there is no such version of the object"},
    CodeRow{"NoSuchTagSet", Code::kNotFound, kNo, kNone, "the object has no tags"},
    CodeRow{"NoSuchTagSetError", Code::kNotFound, kNo, kNone, "the object has no tags"},
    // conflicts
    CodeRow{"BucketAlreadyExists", Code::kAlreadyExists, kNo, kNone, kTaken},
    CodeRow{"BucketNameUnavailable", Code::kAlreadyExists, kNo, kNone, kTaken},
    CodeRow{"BucketAlreadyOwnedByYou", Code::kAlreadyExists, kNo, kNone, "the bucket is yours already"},
    CodeRow{"BucketNotEmpty", Code::kPreconditionFailed, kNo, kNone, "the bucket is not empty: remove its objects, versions and open uploads first"},
    CodeRow{"InvalidBucketState", Code::kPreconditionFailed, kNo, kNone, {}},
    CodeRow{"ExistingObjectIsDirectory", Code::kInvalidArgument, kNo, kNone, "the service holds a folder of this name: map the key to another name"},
    CodeRow{"ExistingObjectIsFile", Code::kInvalidArgument, kNo, kNone, "the service holds an object where this key needs a folder: map the key to another name"},
    CodeRow{"XMinioObjectExistsAsDirectory", Code::kInvalidArgument, kNo, kNone, "the service holds a folder of this name: map the key to another name"},
    CodeRow{"XMinioParentIsObject", Code::kInvalidArgument, kNo, kNone, "the service holds an object where this key needs a folder: map the key to another name"},
    CodeRow{"OperationAborted", Code::kUnavailable, kYes, kNone, "another request changes the same thing"},
    CodeRow{"ConditionalRequestConflict", Code::kUnavailable, kYes, kNone, "another request changes the same object"},
    CodeRow{"PreconditionFailed", Code::kPreconditionFailed, kNo, kNone, "the object is not the version that was asked for"},
    CodeRow{"InvalidObjectState", Code::kArchived, kNo, kNone, "the object lies in a cold storage class: restore it first"},
    CodeRow{"RestoreAlreadyInProgress", Code::kArchived, kNo, kNone, "the object is being restored: try again when that is done"},
    CodeRow{"ObjectLocked", Code::kPermissionDenied, kNo, kNone, "the object is locked against changes"},
    // not offered
    CodeRow{"MethodNotAllowed", Code::kUnsupported, kNo, kNone, {}},
    CodeRow{"NotImplemented", Code::kUnsupported, kNo, kNone, {}},
    CodeRow{"XNotImplemented", Code::kUnsupported, kNo, kNone, {}},
    CodeRow{"UnsupportedOperation", Code::kUnsupported, kNo, kNone, {}},
    // slower, please
    CodeRow{"SlowDown", Code::kRateLimited, kYes, kNone, kSlow},
    CodeRow{"SlowDownRead", Code::kRateLimited, kYes, kNone, kSlow},
    CodeRow{"SlowDownWrite", Code::kRateLimited, kYes, kNone, kSlow},
    CodeRow{"TooManyRequests", Code::kRateLimited, kYes, kNone, kSlow},
    CodeRow{"TooManyRequestsException", Code::kRateLimited, kYes, kNone, kSlow},
    CodeRow{"Throttling", Code::kRateLimited, kYes, kNone, kSlow},
    CodeRow{"ThrottlingException", Code::kRateLimited, kYes, kNone, kSlow},
    CodeRow{"ThrottledException", Code::kRateLimited, kYes, kNone, kSlow},
    CodeRow{"RequestThrottled", Code::kRateLimited, kYes, kNone, kSlow},
    CodeRow{"RequestThrottledException", Code::kRateLimited, kYes, kNone, kSlow},
    CodeRow{"RequestLimitExceeded", Code::kRateLimited, kYes, kNone, kSlow},
    CodeRow{"BandwidthLimitExceeded", Code::kRateLimited, kYes, kNone, kSlow},
    CodeRow{"LimitExceededException", Code::kRateLimited, kYes, kNone, kSlow},
    CodeRow{"ProvisionedThroughputExceededException", Code::kRateLimited, kYes, kNone, kSlow},
    CodeRow{"TransactionInProgressException", Code::kRateLimited, kYes, kNone, kSlow},
    CodeRow{"EC2ThrottledException", Code::kRateLimited, kYes, kNone, kSlow},
    CodeRow{"PriorRequestNotComplete", Code::kRateLimited, kYes, kNone, kSlow},
    CodeRow{"ServerBusy", Code::kRateLimited, kYes, kNone, kSlow},
    // the service itself
    CodeRow{"InternalError", Code::kUnavailable, kYes, kNone, "the service failed"},
    CodeRow{"InternalFailure", Code::kUnavailable, kYes, kNone, "the service failed"},
    CodeRow{"ServiceUnavailable", Code::kUnavailable, kYes, kNone, "the service is not available"},
    CodeRow{"XMinioServerNotInitialized", Code::kUnavailable, kYes, kNone, "the service is starting"},
    CodeRow{"XMinioStorageFull", Code::kQuotaExceeded, kNo, kNone, kFull},
    CodeRow{"XMinioAdminBucketQuotaExceeded", Code::kQuotaExceeded, kNo, kNone, kFull},
    CodeRow{"QuotaExceeded", Code::kQuotaExceeded, kNo, kNone, kFull},
    CodeRow{"BucketMaxSizeExceeded", Code::kQuotaExceeded, kNo, kNone, kFull},
    CodeRow{"CloudTotalAliveSizeQuotaExceed", Code::kQuotaExceeded, kNo, kNone, kFull},
    CodeRow{"TooManyBuckets", Code::kQuotaExceeded, kNo, kNone, "the account has as many buckets as it may have"},
};

struct HttpRow {
  int status;
  CodeRow row;
};
constexpr std::array kStatuses{
    HttpRow{301, {{}, Code::kInvalidArgument, kNo, Correction::kRegion, "the service redirects to another address: check `endpoint` and `region`"}},
    HttpRow{302, {{}, Code::kUnavailable, kNo, Correction::kRegion, "the service redirects to another address: check `endpoint`"}},
    HttpRow{303, {{}, Code::kUnavailable, kNo, kNone, "the service redirects to another address: check `endpoint`"}},
    HttpRow{304, {{}, Code::kPreconditionFailed, kNo, kNone, "the object is still the version that is known"}},
    HttpRow{307, {{}, Code::kUnavailable, kYes, Correction::kRegion, "the service redirects to another address: check `endpoint`"}},
    HttpRow{308, {{}, Code::kInvalidArgument, kNo, Correction::kRegion, "the service redirects to another address: check `endpoint`"}},
    HttpRow{400, {{}, Code::kInvalidArgument, kNo, kNone, "the service calls the request wrong"}},
    HttpRow{401, {{}, Code::kUnauthenticated, kNo, Correction::kToken, kKeys}},
    HttpRow{403, {{}, Code::kPermissionDenied, kNo, kNone, kDenied}},
    HttpRow{404, {{}, Code::kNotFound, kNo, kNone, "there is no such object"}},
    HttpRow{405, {{}, Code::kUnsupported, kNo, kNone, "the service has no such operation here"}},
    HttpRow{407, {{}, Code::kUnavailable, kNo, kNone, "the proxy wants a login: check the proxy settings of the environment"}},
    HttpRow{408, {{}, Code::kTimeout, kYes, kNone, "the service waited too long for the request"}},
    HttpRow{409, {{}, Code::kUnavailable, kYes, kNone, "another request changes the same thing"}},
    HttpRow{411, {{}, Code::kInternal, kNo, kNone, "the service wants a Content-Length"}},
    HttpRow{412, {{}, Code::kPreconditionFailed, kNo, kNone, "the object is not the version that was asked for"}},
    HttpRow{413, {{}, Code::kInvalidArgument, kNo, kNone, "the object is too large for one request: send it in parts"}},
    HttpRow{416, {{}, Code::kInvalidArgument, kNo, kNone, "the range begins past the end of the object"}},
    HttpRow{417, {{}, Code::kUnavailable, kYes, kNone, "the service does not want to wait for the body"}},
    HttpRow{423, {{}, Code::kPermissionDenied, kNo, kNone, "the object is locked against changes"}},
    HttpRow{429, {{}, Code::kRateLimited, kYes, kNone, kSlow}},
    HttpRow{499, {{}, Code::kUnavailable, kYes, kNone, "a proxy gave up the request"}},
    HttpRow{501, {{}, Code::kUnsupported, kNo, kNone, "the service has no such operation"}},
    HttpRow{505, {{}, Code::kUnavailable, kNo, kNone, "the service does not speak HTTP/1.1"}},
    HttpRow{507, {{}, Code::kQuotaExceeded, kNo, kNone, kFull}},
};
constexpr CodeRow kRefused{{}, Code::kInvalidArgument, kNo, kNone, "the service calls the request wrong"};
constexpr CodeRow kServerFailed{{}, Code::kUnavailable, kYes, kNone, "the service failed"};
constexpr CodeRow kUnknown{{}, Code::kUnavailable, kNo, kNone, "the answer is not what an S3 service says: check `endpoint`"};

const CodeRow* FindCode(std::string_view code) {
  if (code.empty()) return nullptr;
  for (const CodeRow& row : kCodes) {
    if (row.code == code) return &row;
  }
  if (code.starts_with("KMS.")) {
    static constexpr CodeRow kKms{{}, Code::kPermissionDenied, kNo, kNone, "the key service refuses the KMS key of the object: check its policy"};
    return &kKms;
  }
  return nullptr;
}

const CodeRow& RowFor(std::string_view code, int http_status) {
  if (const CodeRow* row = FindCode(code)) return *row;
  for (const HttpRow& row : kStatuses) {
    if (row.status == http_status) return row.row;
  }
  if (http_status >= 500) return kServerFailed;
  if (http_status >= 400) return kRefused;
  // An <Error> inside a 200 with an unknown code counts as a failure of the service.
  if (http_status == 200 && !code.empty()) return kServerFailed;
  return kUnknown;
}

class ErrorHandler : public codec::IXmlHandler {
 public:
  explicit ErrorHandler(ServiceError* error) : error_(error) {}
  void OnStart(std::string_view name, int depth) override {
    if (depth == 1) root_ = name;
    if (depth == 2 && root_ == "ErrorResponse" && name == "Error") nested_ = true;
  }
  void OnEnd(std::string_view name, int depth, std::string_view text) override {
    if (depth != (nested_ ? 3 : 2)) {
      if (root_ == "ErrorResponse" && depth == 2 && name == "RequestId") error_->request_id = Trim(text);
      return;
    }
    if (name == "Code") error_->code = Trim(text);
    else if (name == "Message") error_->message = Trim(text);
    else if (name == "Region") error_->region = Trim(text);
    else if (name == "Endpoint") error_->endpoint = Trim(text);
    else if (name == "RequestId") error_->request_id = Trim(text);
    else if (name == "BucketName" || name == "Bucket") error_->bucket = text;
    else if (name == "Key") error_->key = text;
  }
  bool is_error() const { return root_ == "Error" || root_ == "ErrorResponse"; }

 private:
  ServiceError* error_;
  std::string root_;
  bool nested_ = false;
};

ErrorDetail DetailOf(const CodeRow& row, std::string_view code, std::string_view message, int http_status) {
  ErrorDetail detail;
  detail.code = row.status;
  detail.retry = row.retry;
  detail.service_code = code;
  detail.http_status = http_status;
  const std::string said = Printable(message.substr(0, 300));
  if (!row.mend.empty()) detail.message = row.mend;
  else if (!said.empty()) detail.message = "the service says: " + said;
  else detail.message = "the service refused the request";
  // Which permission is missing, or which argument is wrong, only the service knows.
  if (!row.mend.empty() && !said.empty() && (row.status == Code::kPermissionDenied || (row.code.empty() && row.status != Code::kUnavailable))) {
    detail.message += " (the service says: " + said + ")";
  }
  while (detail.message.ends_with('.')) detail.message.pop_back();
  return detail;
}

// False where the first element is seen to be another one: a page of a listing is not read twice.
bool MayBeError(std::string_view body) {
  while (true) {
    const std::size_t open = body.find('<');
    if (open == std::string_view::npos || open + 1 == body.size()) return true;
    body.remove_prefix(open + 1);
    if (body.front() == '!') return true;
    if (body.front() != '?') break;
  }
  std::string_view name = body.substr(0, body.find_first_of(" \t\r\n/>"));
  name.remove_prefix(name.find(':') == std::string_view::npos ? 0 : name.find(':') + 1);
  return name == "Error" || name == "ErrorResponse";
}

}  // namespace

bool ParseServiceError(std::string_view body, ServiceError* error) {
  if (body.empty() || body.size() > (std::size_t{1} << 20) || !MayBeError(body)) return false;
  ErrorHandler handler(error);
  return codec::ParseXml(body, handler).ok() && handler.is_error();
}

Correction CorrectionFor(const ServiceError& error, int http_status) {
  // "AccessDenied: Request has expired" of a presigned or very late request.
  if (error.code == "AccessDenied" && error.message.find("has expired") != std::string::npos) return Correction::kClock;
  return RowFor(error.code, http_status).correction;
}

Status StatusOfCode(std::string_view code, std::string_view message, int http_status) {
  return Status(DetailOf(RowFor(code, http_status), code, message, http_status));
}

Status StatusOf(const ServiceError& error, const http::Response& response, bool write) {
  ErrorDetail detail = DetailOf(RowFor(error.code, response.status), error.code, error.message, response.status);
  const std::string_view id = response.Find("x-amz-request-id");
  detail.request_id = !id.empty() ? std::string(id) : error.request_id;
  if (const std::string_view extended = response.Find("x-amz-id-2"); !extended.empty()) detail.request_id += " " + std::string(extended);
  detail.retry_after = RetryAfter(response);
  detail.ambiguous = write && response.status >= 500 && detail.code == Code::kUnavailable;
  return Status(std::move(detail));
}

std::chrono::milliseconds RetryAfter(const http::Response& response) {
  constexpr std::uint64_t kMost = 300000;
  if (const auto milliseconds = ParseUint(Trim(response.Find("x-amz-retry-after")))) return std::chrono::milliseconds(std::min(*milliseconds, kMost));
  const std::string_view text = Trim(response.Find("retry-after"));
  if (text.empty()) return std::chrono::milliseconds(0);
  if (const auto seconds = ParseUint(text)) return std::chrono::milliseconds(std::min<std::uint64_t>(*seconds > kMost ? kMost : *seconds * 1000, kMost));
  const std::optional<Time> when = ParseHttpDate(text);
  if (!when) return std::chrono::milliseconds(0);
  // Relative to the service's own clock where it tells it.
  const std::optional<Time> now = ParseHttpDate(response.Find("date"));
  const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(*when - (now ? *now : Now()));
  return std::clamp(wait, std::chrono::milliseconds(0), std::chrono::milliseconds(kMost));
}

}  // namespace fileferry::s3
