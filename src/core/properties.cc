// properties.cc: the grammar and limits of properties.  No state; any thread.
#include "core/properties.h"

#include <algorithm>
#include <string>

#include "base/text.h"

namespace fileferry {
namespace {

bool IsTokenCharacter(char c) {
  if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) return true;
  return std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool HasControlCharacter(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

Status CheckText(std::string_view what, std::string_view text) {
  if (HasControlCharacter(text)) return Status(Code::kInvalidArgument, std::string(what) + " contains a control character");
  if (!IsValidUtf8(text)) return Status(Code::kInvalidArgument, std::string(what) + " is not valid UTF-8");
  return {};
}

Status CheckMetadata(const Properties& properties, const Capabilities& caps) {
  std::uint64_t total = 0;
  for (const auto& [name, value] : properties.metadata) {
    if (Status s = CheckMetadataName(name); !s.ok()) return s;
    if (Status s = CheckText("metadata \"" + name + "\"", value); !s.ok()) return s;
    total += name.size() + value.size();
  }
  if (total > caps.max_metadata_bytes) {
    return Status(Code::kInvalidArgument, "the metadata has " + std::to_string(total) + " bytes in names and values; the storage keeps at most " +
                                              std::to_string(caps.max_metadata_bytes));
  }
  return {};
}

}  // namespace

Status CheckMetadataName(std::string_view name) {
  if (name.empty()) return Status(Code::kInvalidArgument, "a metadata name is empty");
  if (!std::all_of(name.begin(), name.end(), IsTokenCharacter)) {
    return Status(Code::kInvalidArgument, "metadata name \"" + Printable(name) + "\" has characters other than a-z, 0-9 and !#$%&'*+-.^_`|~");
  }
  if (name == "mtime" || name.starts_with("ferry-")) {
    return Status(Code::kInvalidArgument, "metadata name \"" + std::string(name) + "\" is reserved; choose another");
  }
  return {};
}

Status CheckProperties(const Properties& properties, const Capabilities& caps) {
  const std::pair<std::string_view, const std::string*> headers[] = {{"the content type", &properties.content_type},
                                                                     {"the cache control", &properties.cache_control},
                                                                     {"the content disposition", &properties.content_disposition},
                                                                     {"the content encoding", &properties.content_encoding},
                                                                     {"the content language", &properties.content_language}};
  for (const auto& [what, text] : headers) {
    if (Status s = CheckText(what, *text); !s.ok()) return s;
    if (!text->empty() && !caps.metadata) return Status(Code::kUnsupported, "the storage does not keep " + std::string(what));
  }
  if (!properties.metadata.empty() && !caps.metadata) return Status(Code::kUnsupported, "the storage does not keep metadata");
  if (Status s = CheckMetadata(properties, caps); !s.ok()) return s;
  if (!properties.acl.empty() && !caps.acl) return Status(Code::kUnsupported, "the storage has no ACLs");
  if (Status s = CheckText("the ACL", properties.acl); !s.ok()) return s;
  if (!properties.tags.empty() && !caps.tags) return Status(Code::kUnsupported, "the storage has no tags");
  for (const auto& [name, value] : properties.tags) {
    if (name.empty()) return Status(Code::kInvalidArgument, "a tag has an empty name");
    if (Status s = CheckText("a tag's name", name); !s.ok()) return s;
    if (Status s = CheckText("tag \"" + name + "\"", value); !s.ok()) return s;
  }
  if (!properties.storage_class.empty() && !caps.storage_class) return Status(Code::kUnsupported, "the storage has no storage classes");
  if (Status s = CheckText("the storage class", properties.storage_class); !s.ok()) return s;
  if (Status s = CheckText("the encryption", properties.sse); !s.ok()) return s;
  return CheckText("the encryption key", properties.sse_kms_key);
}

}  // namespace fileferry
