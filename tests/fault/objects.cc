// objects.cc: see kth.h.
#include "fault/kth.h"

namespace kth {
namespace {

Scenario PutScenario(const std::string& name, const std::string& text, std::size_t size) {
  const std::string before = Pattern(100, 1), after = Pattern(size, 2);
  auto open = [=] { return world.Open(text); };
  Scenario s;
  s.name = name;
  s.prepare = [=] {
    OpenedStorage st = open();
    if (Result<ObjectInfo> put = WriteAll(*st.provider, {}, st.path + "a/key.bin", before); !put.ok()) Fail("prepare: " + put.status().ToString());
  };
  s.run = [=] {
    OpenedStorage st = open();
    TransferTuning tuning;
    tuning.multipart_threshold = 5 << 20;
    tuning.part_size = 5 << 20;
    tuning.parallel_parts = 2;
    std::unique_ptr<ISource> source = MemorySource(AsBytes(after));
    return Upload(*st.provider, {}, st.path + "a/key.bin", *source, {}, tuning).ok();
  };
  s.judge = [=](bool reported) {
    OpenedStorage st = open();
    Result<std::string> now = ReadAll(*st.provider, {}, st.path + "a/key.bin");
    if (!now.ok()) return Fail(name + ": the object cannot be read: " + now.status().ToString());
    if (reported && *now != after) Fail(name + ": success was reported, the object is not the new one");
    if (*now != after && *now != before) Fail(name + ": neither the old nor the new object");
    if (Objects(st).size() != 1) Fail(name + ": something else is visible");
  };
  s.complete = [=] {
    OpenedStorage st = open();
    std::unique_ptr<ISource> source = MemorySource(AsBytes(after));
    if (Result<ObjectInfo> put = Upload(*st.provider, {}, st.path + "a/key.bin", *source, {}); !put.ok()) Fail(name + ": again: " + put.status().ToString());
    Empty(st);
  };
  return s;
}

Scenario GetScenario(const std::string& name, const std::string& text, std::size_t size) {
  const std::string content = Pattern(size, 3);
  auto open = [=] { return world.Open(text); };
  Scenario s;
  auto got = std::make_shared<std::string>();
  s.name = name;
  s.prepare = [=] {
    OpenedStorage st = open();
    if (Result<ObjectInfo> put = WriteAll(*st.provider, {}, st.path + "a/key.bin", content); !put.ok()) Fail("prepare: " + put.status().ToString());
  };
  s.run = [=] {
    OpenedStorage st = open();
    Result<std::string> text_now = ReadAll(*st.provider, {}, st.path + "a/key.bin");
    *got = text_now.ok() ? *text_now : std::string();
    return text_now.ok();
  };
  s.judge = [=](bool reported) {
    if (reported && *got != content) Fail(name + ": success was reported with other bytes");
  };
  s.complete = [=] {};
  return s;
}

}  // namespace

Scenarios ObjectScenarios() {
  const auto put = [](std::string name, auto text, std::size_t size) { return std::pair<std::string, Make>(name, [=] { return PutScenario(name, text(), size); }); };
  const auto get = [](std::string name, auto text, std::size_t size) { return std::pair<std::string, Make>(name, [=] { return GetScenario(name, text(), size); }); };
  const auto folder = [] { return "file://" + (world.folder / "one").string() + "/"; };
  const auto s3 = [](const char* prefix) { return [prefix] { return world.S3(prefix); }; };
  return {
      put("put-local", folder, 10000),
      put("put-local-large", folder, (5 << 20) + 100),
      get("get-local", folder, 10000),
      put("put-s3", s3("one/"), 10000),
      put("put-s3-multipart", s3("parts/"), (5 << 20) + 100),
      get("get-s3", s3("get/"), 200000),
  };
}

}  // namespace kth
