// unique_fd.h: owns a file descriptor.
#ifndef FILEFERRY_BASE_UNIQUE_FD_H_
#define FILEFERRY_BASE_UNIQUE_FD_H_

#include <utility>

#include "base/sys.h"

namespace fileferry {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  ~UniqueFd() { Reset(); }
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      Reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int Release() { return std::exchange(fd_, -1); }
  void Reset() {
    if (fd_ >= 0) (void)sys::Close(std::exchange(fd_, -1));
  }

 private:
  int fd_ = -1;
};

}  // namespace fileferry

#endif  // FILEFERRY_BASE_UNIQUE_FD_H_
