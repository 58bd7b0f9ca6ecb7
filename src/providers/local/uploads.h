// uploads.h: uploads in parts: a folder .fileferry/uploads/<id> with the bytes ("data"), what was said at the start ("state") and one line for each part that
// is completely in the data ("parts").  An upload outlives the process; its data becomes the object by a rename.
//
// Thread-safe; many threads may write parts of one upload.
#ifndef FILEFERRY_PROVIDERS_LOCAL_UPLOADS_H_
#define FILEFERRY_PROVIDERS_LOCAL_UPLOADS_H_

#include <string>
#include <string_view>
#include <vector>

#include "fileferry/options.h"
#include "fileferry/provider.h"
#include "providers/local/writer.h"

namespace fileferry::local {

class Uploads {
 public:
  Uploads(Tree* tree, Writer* writer) : tree_(tree), writer_(writer) {}

  Result<std::string> Create(std::string_view key, const UploadOptions& options);
  Result<PartInfo> Write(const OpContext& ctx, std::string_view key, const std::string& id, const PartSpec& part, ISource& source);
  // The parts whose bytes are there, by number.
  Result<std::vector<PartInfo>> Parts(std::string_view key, const std::string& id);
  // The data as a draft for key, checked against parts; the upload stays until the draft is published and End is called.
  Result<Draft> Complete(std::string_view key, const std::string& id, const std::vector<PartInfo>& parts, const CompleteOptions& options, bool batch);
  // Removes what is left of an upload; one that is not there is fine.
  Status End(const std::string& id);
  Result<UploadPage> List(const OpContext& ctx, std::string_view prefix, const std::string& token);
  // Removes folders of uploads that have no state, older than age.
  // Uploads that a dead process left before anybody knew their id; and one of them removed.
  Status ListHalfMade(const OpContext& ctx, std::vector<std::string>* found);
  Status RemoveHalfMade(const std::string& id);
  Result<std::uint64_t> Sweep(const OpContext& ctx, std::int64_t before_ns);

 private:
  bool IsHalfMade(int root, const std::string& id);
  struct State {
    std::string key;
    UploadOptions options;
    Time initiated{};
  };
  struct OpenUpload {
    RootRef root;
    UniqueFd folder;
    State state;
  };
  Result<OpenUpload> OpenIt(std::string_view key, const std::string& id);
  Result<State> ReadState(int folder, const std::string& path);
  Result<std::vector<PartInfo>> ReadParts(const OpenUpload& upload, const std::string& id);
  Status CheckParts(const std::vector<PartInfo>& have, const std::vector<PartInfo>& parts, const CompleteOptions& options, Digest* crc64);

  Tree* const tree_;
  Writer* const writer_;
};

}  // namespace fileferry::local

#endif  // FILEFERRY_PROVIDERS_LOCAL_UPLOADS_H_
