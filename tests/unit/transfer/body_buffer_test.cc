// Memory for one body after the other.
#include <doctest/doctest.h>

#include <string>

#include "transfer/body_buffer.h"

namespace fileferry {
namespace {

TEST_CASE("bytes put into the room are counted, others are copied, and the memory grows with what is in it") {
  BodyBuffer buffer;
  CHECK(buffer.bytes().empty());
  CHECK(buffer.room().empty());
  buffer.Reserve(8);
  const std::byte* const front = buffer.room().data();
  std::memcpy(buffer.room().data(), "abc", 3);
  buffer.Append(Bytes(buffer.room().data(), 3));
  CHECK(AsText(buffer.bytes()) == "abc");
  CHECK(buffer.bytes().data() == front);
  buffer.Append(AsBytes("defgh"));
  CHECK(AsText(buffer.bytes()) == "abcdefgh");
  CHECK(buffer.room().empty());
  const std::string more(100, 'x');
  buffer.Append(AsBytes(more));
  CHECK(AsText(buffer.bytes()) == "abcdefgh" + more);
  buffer.Append({});
  buffer.Clear();
  CHECK(buffer.bytes().empty());
  buffer.Reserve(4);
  CHECK(buffer.room().size() >= 108);  // never smaller again
}

}  // namespace
}  // namespace fileferry
