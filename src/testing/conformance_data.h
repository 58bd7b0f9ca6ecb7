// conformance_data.h: the cases of the suite and the values they are written in (tests/conformance/README.md is the description).
//
// A Suite and a Bodies are read-only after loading but for Bodies' cache, which is locked; any thread.
#ifndef FILEFERRY_TESTING_CONFORMANCE_DATA_H_
#define FILEFERRY_TESTING_CONFORMANCE_DATA_H_

#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "fileferry/provider.h"

namespace fileferry::testing {

using Json = nlohmann::json;
using Vars = std::map<std::string, Json>;

// Bytes of an object, with what an independent tool says about them.
struct Body {
  std::string bytes;
  Digest DigestOf(DigestKind kind) const;
};
using BodyPtr = std::shared_ptr<const Body>;

// The named bodies of bodies.json.  Made when first asked for, and compared then with the digests written beside them.
class Bodies {
 public:
  // A description of what is wrong, or empty.
  std::string Load(std::string_view text);
  // A name, {"text": …}, {"of": body, "from": n, "size": n}, {"concat": […]}; nullptr and *error when there is no such body.
  BodyPtr Find(const Json& expression, std::string* error);

 private:
  BodyPtr Named(const std::string& name, std::string* error);
  std::mutex mutex_;
  Json rows_;
  std::map<std::string, BodyPtr> made_;
};

struct CaseData {
  std::string name;
  Json json;
};

struct Suite {
  std::vector<CaseData> cases;
  Bodies bodies;
  std::vector<std::string> problems;
};
// From the folder, or the cases built in when it is empty.
std::shared_ptr<Suite> LoadSuite(const std::string& folder);

// The generator of bodies: SHA-256("<seed>:0") SHA-256("<seed>:1") …, cut to size.
std::string GenerateBytes(std::uint64_t seed, std::size_t size);

// `value` with every {"var": …}, {"hex": …}, {"repeat": …, "times": …}, {"join": […]}, {"cap": …, "plus": …} replaced by what it stands for.  A var that is not
// in `vars` stays as it is.
Json Resolve(const Json& value, const Vars& vars, const Capabilities& caps);
// A list of keys; {"count": n, "prefix": …, "digits": d, "suffix": …} stands for n of them.
std::vector<std::string> KeyList(const Json& list);

// Capabilities by their names; numbers as they are, flags as 0 or 1.  Absent: no such name.
std::optional<std::uint64_t> CapabilityValue(const Capabilities& caps, std::string_view name);
std::optional<Code> CodeFromName(std::string_view name);
// JSON text of a value, for traces: bytes that are not UTF-8 are replaced, long texts cut.
std::string Show(const Json& value);
std::string ShowKey(std::string_view key);

Properties PropertiesFrom(const Json& json);
std::optional<Time> TimeFrom(const Json& json);
std::string ShowTime(const std::optional<Time>& time);

}  // namespace fileferry::testing

#endif  // FILEFERRY_TESTING_CONFORMANCE_DATA_H_
