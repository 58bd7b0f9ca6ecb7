// shaped.h: a storage with other capabilities than the one it wraps, which calls the test before each operation.
#ifndef FILEFERRY_TESTS_UNIT_MIGRATE_SHAPED_H_
#define FILEFERRY_TESTS_UNIT_MIGRATE_SHAPED_H_

#include <algorithm>
#include <functional>
#include <string>

#include "layers/around.h"

namespace fileferry {

using Before = std::function<Status(Operation operation, const std::string& key)>;

struct ShapeHooks : layers::PlainHooks {
  Before before;
  template <typename R, typename F>
  R Around(const layers::CallInfo& call, F&& next) {
    if (before) {
      if (Status status = before(call.operation, std::string(call.key)); !status.ok()) return layers::Failed<R>(call, status);
    }
    return next(call.ctx, call.body);
  }
};

class Shaped : public layers::Around<ShapeHooks> {
 public:
  explicit Shaped(ProviderPtr inner) : layers::Around<ShapeHooks>(inner), caps(inner->Caps()) {}
  Capabilities Caps() const override { return caps; }
  Location Locate(std::string_view key) const override {
    Location location = layers::Around<ShapeHooks>::Locate(key);
    if (!caps.server_copy) location.service += " of its own";
    return location;
  }
  Result<ListPage> List(const OpContext& ctx, const ListQuery& query) override {
    Result<ListPage> page = layers::Around<ShapeHooks>::List(ctx, query);
    if (page.ok() && shuffle) std::reverse(page->entries.begin(), page->entries.end());
    return page;
  }
  void OnCall(Before before) { hooks().before = std::move(before); }

  Capabilities caps;
  bool shuffle = false;
};

}  // namespace fileferry

#endif  // FILEFERRY_TESTS_UNIT_MIGRATE_SHAPED_H_
