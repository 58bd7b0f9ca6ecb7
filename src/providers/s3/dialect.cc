// dialect.cc: the rows, and what follows from them.  Sources: docs/providers/s3.md names one for each row.  Any thread.
#include "providers/s3/dialect.h"

#include <array>

#include "base/text.h"

namespace fileferry::s3 {

namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
constexpr std::uint64_t kTiB = std::uint64_t{1} << 40;

constexpr Dialect kAws{.name = "aws", .title = "AWS S3", .default_region = "us-east-1", .path_style = false, .integrity = Integrity::kCrc64, .keeps_crc64 = true, .gives_checksums = true,
                       .acl = true, .tags = true, .default_encryption = "AES256", .conditional_put = true, .conditional_complete = true, .conditional_copy = true,
                       .replace_if_match = true, .conditional_delete = true, .expect_continue = true, .location_constraint = true, .object_size_header = true};
constexpr Dialect kMinio{.name = "minio", .title = "MinIO", .default_region = "us-east-1", .integrity = Integrity::kMd5, .gives_checksums = true, .tags = true, .one_service = false, .conditional_put = true,
                         .conditional_complete = true, .replace_if_match = true, .max_put = 5 * kTiB,
                         .keys = kFoldsLeadingSlash | kFoldsDoubleSlash | kFoldsBackslash | kNoDotSegments | kNoTrailingSlash | kSegment255};
constexpr Dialect kSpaces{.name = "spaces", .title = "DigitalOcean Spaces", .default_region = "us-east-1", .path_style = false, .url_encode_list = false, .acl = true,
                          .storage_class = false, .part_copy = false, .keys = kNoControls};
constexpr Dialect kGcs{.name = "gcs", .title = "Google Cloud Storage", .default_region = "auto", .checks_sha256 = false, .acl = true, .part_copy = false, .versions = false,
                       .max_put = 5 * kTiB, .max_copy = 5 * kTiB};
constexpr Dialect kR2{.name = "r2", .title = "Cloudflare R2", .default_region = "auto", .integrity = Integrity::kCrc64, .keeps_crc64 = true, .gives_checksums = true, .multi_delete = 700,
                      .equal_parts = true, .conditional_put = true, .conditional_complete = true, .replace_if_match = true, .versions = false,
                      .max_put = 5 * kGiB - 5 * kMiB, .max_part = 5 * kGiB - 5 * kMiB, .max_metadata = 8192};
constexpr Dialect kB2{.name = "b2", .title = "Backblaze B2", .default_region = "us-west-004", .storage_class = false};
constexpr Dialect kCeph{.name = "ceph", .title = "Ceph RGW", .default_region = "us-east-1", .url_encode_list = false, .acl = true, .tags = true, .one_service = false, .conditional_put = true,
                        .replace_if_match = true, .keys = kNoControls};
constexpr Dialect kSeaweed{.name = "seaweedfs", .title = "SeaweedFS", .default_region = "us-east-1", .sorted_list = false, .integrity = Integrity::kCrc64, .keeps_crc64 = true, .gives_checksums = true,
                           .tags = true, .one_service = false, .conditional_put = true, .conditional_complete = true, .conditional_copy = true, .replace_if_match = true, .conditional_delete = true,
                           .keys = kFoldsLeadingSlash | kFoldsDoubleSlash | kFoldsBackslash | kNoDotSegments | kNoTrailingSlash | kSegment255};
constexpr Dialect kYandex{.name = "yandex", .title = "Yandex Object Storage", .default_region = "ru-central1", .acl = true, .tags = true};
constexpr Dialect kOther{.name = "other", .title = "an S3 service", .default_region = "us-east-1", .checks_sha256 = false, .one_service = false, .conditional_put_unknown = true};

constexpr std::array<const Dialect*, 10> kDialects{&kAws, &kMinio, &kSpaces, &kGcs, &kR2, &kB2, &kCeph, &kSeaweed, &kYandex, &kOther};

constexpr std::uint32_t kReservedMetadata = 200;  // room for the attempt id, the time, and the digests with their size

struct HostRow {
  std::string_view suffix;
  const Dialect* dialect;
};
constexpr std::array<HostRow, 9> kHosts{{{"amazonaws.com", &kAws},
                                         {"amazonaws.com.cn", &kAws},
                                         {"amazonaws.eu", &kAws},
                                         {"digitaloceanspaces.com", &kSpaces},
                                         {"storage.googleapis.com", &kGcs},
                                         {"r2.cloudflarestorage.com", &kR2},
                                         {"backblazeb2.com", &kB2},
                                         {"storage.yandexcloud.net", &kYandex},
                                         {"storage.yandexcloud.kz", &kYandex}}};

struct ServerRow {
  std::string_view text;  // found anywhere in the header
  const Dialect* dialect;
};
constexpr std::array<ServerRow, 7> kServers{{{"SeaweedFS", &kSeaweed},
                                             {"MinIO", &kMinio},
                                             {"Ceph", &kCeph},
                                             {"AmazonS3", &kAws},
                                             {"UploadServer", &kGcs},
                                             {"nginx/YaS3", &kYandex},
                                             {"cloudflare-r2", &kR2}}};

struct BoolCell {
  std::string_view name;
  bool Dialect::*cell;
};
constexpr std::array<BoolCell, 23> kBools{{{"path_style", &Dialect::path_style},
                                           {"list_v1", &Dialect::list_v1},
                                           {"url_encode_list", &Dialect::url_encode_list},
                                           {"sorted_list", &Dialect::sorted_list},
                                           {"keeps_crc64", &Dialect::keeps_crc64},
                                           {"gives_checksums", &Dialect::gives_checksums},
                                           {"checks_sha256", &Dialect::checks_sha256},
                                           {"etag_is_md5", &Dialect::etag_is_md5},
                                           {"acl", &Dialect::acl},
                                           {"tags", &Dialect::tags},
                                           {"storage_class", &Dialect::storage_class},
                                           {"server_copy", &Dialect::server_copy},
                                           {"part_copy", &Dialect::part_copy},
                                           {"equal_parts", &Dialect::equal_parts},
                                           {"conditional_put", &Dialect::conditional_put},
                                           {"conditional_complete", &Dialect::conditional_complete},
                                           {"conditional_copy", &Dialect::conditional_copy},
                                           {"replace_if_match", &Dialect::replace_if_match},
                                           {"conditional_delete", &Dialect::conditional_delete},
                                           {"versions", &Dialect::versions},
                                           {"expect_continue", &Dialect::expect_continue},
                                           {"location_constraint", &Dialect::location_constraint},
                                           {"object_size_header", &Dialect::object_size_header}}};
struct SizeCell {
  std::string_view name;
  std::uint64_t Dialect::*cell;
};
constexpr std::array<SizeCell, 4> kSizes{
    {{"max_put", &Dialect::max_put}, {"max_copy", &Dialect::max_copy}, {"min_part", &Dialect::min_part}, {"max_part", &Dialect::max_part}}};

bool EndsWithHost(std::string_view host, std::string_view suffix) {
  return host == suffix || (host.size() > suffix.size() && host.ends_with(suffix) && host[host.size() - suffix.size() - 1] == '.');
}

std::optional<bool> ParseBool(std::string_view text) {
  if (text == "true" || text == "yes" || text == "on" || text == "1") return true;
  if (text == "false" || text == "no" || text == "off" || text == "0") return false;
  return std::nullopt;
}

Status UnknownQuirk(std::string_view name) {
  std::vector<std::string_view> names{"integrity", "multi_delete", "max_parts", "max_metadata"};
  for (const BoolCell& row : kBools) names.push_back(row.name);
  for (const SizeCell& row : kSizes) names.push_back(row.name);
  const std::string near = NearestName(name, names);
  return {Code::kInvalidArgument, "`quirks`: there is no quirk \"" + Printable(name) + "\"" + (near.empty() ? "" : "; did you mean \"" + near + "\"?")};
}

Status SetQuirk(Dialect* dialect, std::string_view name, std::string_view value) {
  const Status wrong(Code::kInvalidArgument, "`quirks`: \"" + Printable(value) + "\" is not a value of " + Printable(name));
  if (name == "integrity") {
    if (value == "none") dialect->integrity = Integrity::kNone;
    else if (value == "crc64") dialect->integrity = Integrity::kCrc64;
    else if (value == "md5") dialect->integrity = Integrity::kMd5;
    else return wrong;
    return {};
  }
  for (const BoolCell& row : kBools) {
    if (row.name != name) continue;
    const std::optional<bool> parsed = ParseBool(value);
    if (!parsed) return wrong;
    dialect->*row.cell = *parsed;
    if (row.cell == &Dialect::conditional_put) dialect->conditional_put_unknown = false;
    return {};
  }
  const std::optional<std::uint64_t> number = ParseUint(value);
  for (const SizeCell& row : kSizes) {
    if (row.name != name) continue;
    if (!number || *number == 0) return wrong;
    dialect->*row.cell = *number;
    return {};
  }
  const bool small = number && *number <= 100000;
  if (name == "multi_delete") {
    if (!small || *number > 1000) return wrong;
    dialect->multi_delete = static_cast<std::uint16_t>(*number);
  } else if (name == "max_parts") {
    if (!small || *number == 0) return wrong;
    dialect->max_parts = static_cast<std::uint32_t>(*number);
  } else if (name == "max_metadata") {
    if (!small) return wrong;
    dialect->max_metadata = static_cast<std::uint32_t>(*number);
  } else {
    return UnknownQuirk(name);
  }
  return {};
}

Status Unholdable(const Dialect& dialect, std::string_view why) {
  return {Code::kInvalidArgument, std::string(dialect.title) + " cannot hold this key: " + std::string(why) + "; map it to another name"};
}

}  // namespace

const Dialect* FindDialect(std::string_view name) {
  for (const Dialect* dialect : kDialects) {
    if (dialect->name == name) return dialect;
  }
  return nullptr;
}

std::string_view DialectNames() { return "aws|minio|spaces|gcs|r2|b2|ceph|seaweedfs|yandex|other"; }

const Dialect* DialectOfHost(std::string_view host) {
  if (host.empty()) return &kAws;
  for (const HostRow& row : kHosts) {
    if (EndsWithHost(host, row.suffix)) return row.dialect;
  }
  return nullptr;
}

const Dialect& DialectOfServer(std::string_view server) {
  for (const ServerRow& row : kServers) {
    if (server.find(row.text) != std::string_view::npos) return *row.dialect;
  }
  return kOther;
}

Result<Dialect> WithQuirks(const Dialect& dialect, std::string_view quirks) {
  Dialect changed = dialect;
  for (const std::string& part : Split(quirks, ',')) {
    const std::string_view item = Trim(part);
    if (item.empty()) continue;
    const std::size_t equals = item.find('=');
    const std::string_view name = Trim(item.substr(0, equals));
    const std::string_view value = equals == std::string_view::npos ? std::string_view("true") : Trim(item.substr(equals + 1));
    if (Status status = SetQuirk(&changed, name, value); !status.ok()) return status;
  }
  return changed;
}

Status CheckDialectKey(const Dialect& dialect, std::string_view key) {
  const std::uint16_t rules = dialect.keys;
  if ((rules & kFoldsLeadingSlash) != 0 && key.starts_with('/')) return Unholdable(dialect, "a \"/\" at the start is dropped");
  if ((rules & kFoldsDoubleSlash) != 0 && key.find("//") != std::string_view::npos) return Unholdable(dialect, "\"//\" becomes \"/\"");
  if ((rules & kFoldsBackslash) != 0 && key.find('\\') != std::string_view::npos) return Unholdable(dialect, "a backslash becomes \"/\"");
  if ((rules & kNoTrailingSlash) != 0 && key.ends_with('/')) return Unholdable(dialect, "a key that ends in \"/\" is a folder without content and properties");
  if ((rules & kNoControls) != 0) {
    for (const char c : key) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte < 0x20 || byte == 0x7f) return Unholdable(dialect, "its listings cannot show control characters");
    }
  }
  if ((rules & (kNoDotSegments | kSegment255)) == 0) return {};
  for (std::size_t start = 0; start <= key.size();) {
    const std::size_t end = std::min(key.find('/', start), key.size());
    const std::string_view segment = key.substr(start, end - start);
    if ((rules & kNoDotSegments) != 0 && (segment == "." || segment == "..")) return Unholdable(dialect, "\".\" and \"..\" are refused as segments");
    if ((rules & kSegment255) != 0 && segment.size() > 255) return Unholdable(dialect, "a segment is longer than 255 bytes");
    start = end + 1;
  }
  return {};
}

bool CopiesConditionally(const Dialect& dialect) { return dialect.conditional_copy || (dialect.part_copy && dialect.conditional_complete); }

Capabilities CapabilitiesOf(const Dialect& dialect, std::string_view place) {
  Capabilities caps;
  caps.sorted_list = dialect.sorted_list;
  caps.delimited_list = true;
  caps.conditional_get = true;
  caps.conditional_put = dialect.conditional_put;
  caps.conditional_put_unknown = !dialect.conditional_put && dialect.conditional_put_unknown;
  caps.replace_if_match = dialect.replace_if_match;
  caps.conditional_remove = dialect.conditional_delete;
  caps.metadata = true;
  caps.acl = dialect.acl;
  caps.tags = dialect.tags;
  caps.storage_class = dialect.storage_class;
  caps.encryption_vendor = dialect.one_service ? dialect.name : place;
  if (dialect.storage_class) caps.class_vendor = caps.encryption_vendor;
  caps.default_encryption = dialect.default_encryption;
  caps.server_copy = dialect.server_copy;
  caps.conditional_copy = dialect.server_copy && CopiesConditionally(dialect);
  caps.set_properties = dialect.server_copy;
  caps.multipart = true;
  caps.part_copy = dialect.part_copy;
  caps.presign_get = caps.presign_put = caps.public_url = true;
  caps.versions = dialect.versions;
  caps.confirms_digest = dialect.keeps_crc64 || dialect.checks_sha256 || dialect.etag_is_md5;
  caps.max_put_size = dialect.max_put;
  caps.min_part_size = dialect.min_part;
  caps.max_part_size = dialect.max_part;
  caps.max_parts = dialect.max_parts;
  caps.max_remove_many = dialect.multi_delete == 0 ? 1 : dialect.multi_delete;
  caps.max_metadata_bytes = dialect.max_metadata > kReservedMetadata ? dialect.max_metadata - kReservedMetadata : 0;
  caps.stored_digests = static_cast<DigestMask>(MaskOf(DigestKind::kCrc64Nvme) | MaskOf(DigestKind::kSha256) | MaskOf(DigestKind::kMd5));
  return caps;
}

}  // namespace fileferry::s3
