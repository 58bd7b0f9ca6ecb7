// record.h: what is kept beside an object's bytes, as one line of JSON: its properties, digests and who wrote it.
//
// The same text is the value of the extended attribute and a generation in a hidden record.  Reading never fails on foreign or damaged text: it is then no record.
// Pure functions; any thread.
#ifndef FILEFERRY_PROVIDERS_LOCAL_RECORD_H_
#define FILEFERRY_PROVIDERS_LOCAL_RECORD_H_

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "fileferry/object.h"

namespace fileferry::local {

// Which bytes a record speaks of.  The inode is 0 in an extended attribute, which is tied to its file anyway.
struct Identity {
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
  friend bool operator==(const Identity&, const Identity&) = default;
};

struct Record {
  Properties properties;       // mtime is set when it was given by the writer
  DigestSet digests;
  bool unread = false;         // the digests are those of the file that the system copied these bytes from; nobody has read them since
  std::string attempt_id;
  Identity identity;
  bool elsewhere = false;      // the record is in the hidden folder
};

// content_type is left out where it is what the key's extension says.
std::string EncodeRecord(const Record& record, std::string_view key);
std::optional<Record> DecodeRecord(std::string_view text, std::string_view key);

// A flat JSON object of texts, and objects of texts, as the records and the state of uploads use it.
class JsonWriter {
 public:
  void Text(std::string_view name, std::string_view value);  // nothing when value is empty
  void Number(std::string_view name, std::int64_t value);
  void Map(std::string_view name, const std::map<std::string, std::string>& values);  // nothing when values is empty
  std::string Finish();

 private:
  void Name(std::string_view name);
  std::string out_ = "{";
};

struct JsonObject {
  std::map<std::string, std::string, std::less<>> texts;  // numbers as their digits
  std::map<std::string, std::map<std::string, std::string>, std::less<>> maps;
  std::string_view Text(std::string_view name) const;
  std::optional<std::int64_t> Number(std::string_view name) const;
};
// Strict; nullopt for anything else than what JsonWriter writes (white space apart).
std::optional<JsonObject> ParseJsonObject(std::string_view text);

void WriteProperties(const Properties& properties, std::string_view key, JsonWriter* writer);
Properties ReadProperties(const JsonObject& object, std::string_view key);

std::int64_t MtimeOf(const struct stat& st);
Identity IdentityOf(const struct stat& st);
// The "unchanged?" token: size, modification time and inode.
std::string EtagOf(const struct stat& st);
// Writes it to out, which has room for kEtagMax bytes; its length.
inline constexpr std::size_t kEtagMax = 56;
std::size_t FormatEtag(const struct stat& st, char* out);

}  // namespace fileferry::local

#endif  // FILEFERRY_PROVIDERS_LOCAL_RECORD_H_
