// body_buffer.h: memory for one body at a time, used again from object to object and never cleared.  One thread at a time.
#ifndef FILEFERRY_TRANSFER_BODY_BUFFER_H_
#define FILEFERRY_TRANSFER_BODY_BUFFER_H_

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>

#include "fileferry/object.h"

namespace fileferry {

class BodyBuffer {
 public:
  void Clear() { size_ = 0; }
  // Makes room for at least so many bytes in all; what is in it stays.
  void Reserve(std::size_t capacity) {
    if (capacity <= capacity_) return;
    std::unique_ptr<std::byte[]> larger(new std::byte[capacity]);
    if (size_ > 0) std::memcpy(larger.get(), bytes_.get(), size_);
    bytes_ = std::move(larger);
    capacity_ = capacity;
  }
  // Bytes that lie at the front of room() already are only counted.
  void Append(Bytes bytes) {
    if (bytes.empty()) return;
    if (bytes.data() != bytes_.get() + size_) {
      if (size_ + bytes.size() > capacity_) Reserve(std::max(size_ + bytes.size(), 2 * capacity_));
      std::memcpy(bytes_.get() + size_, bytes.data(), bytes.size());
    }
    size_ += bytes.size();
  }
  std::span<std::byte> room() { return {bytes_.get() + size_, capacity_ - size_}; }
  Bytes bytes() const { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<std::byte[]> bytes_;
  std::size_t capacity_ = 0, size_ = 0;
};

}  // namespace fileferry

#endif  // FILEFERRY_TRANSFER_BODY_BUFFER_H_
