// progress.h: how a run is shown while it works: one block that is redrawn on a terminal, a line from time to time elsewhere.  Main thread only.
#ifndef FILEFERRY_CLI_PROGRESS_H_
#define FILEFERRY_CLI_PROGRESS_H_

#include <chrono>
#include <string>
#include <vector>

#include "fileferry/migration.h"

namespace fileferry::cli {

struct ProgressStyle {
  bool shown = true;
  bool block = false;            // a terminal
  bool utf8 = true;
  bool json = false;             // a line, not a block, is a JSON document
  std::chrono::milliseconds interval{10000};  // between lines; a block is redrawn every 200 ms
};

class ProgressView {
 public:
  explicit ProgressView(ProgressStyle style);
  ~ProgressView();
  ProgressView(const ProgressView&) = delete;
  ProgressView& operator=(const ProgressView&) = delete;

  void Update(const Progress& progress);
  // Draws the last state and leaves it standing (block), or nothing more (lines).
  void Finish(const Progress& progress);

 private:
  void Draw(const Progress& progress, std::size_t width);
  void Restore();

  const ProgressStyle style_;
  std::chrono::steady_clock::time_point last_;
  std::size_t lines_ = 0;        // drawn now
  bool hidden_ = false;
};

// The block, without cursor movements: at most `width` columns a line.
std::vector<std::string> BlockLines(const Progress& progress, std::size_t width, bool utf8);
// {"phase": "copying", "objects": {…}, …, "ended": 1234, "due": 2370, "share": 0.52, "rate": 89128960, "eta": 12}
std::string ProgressJsonLine(const Progress& progress);
// "copying: 1,234 of 2,370 objects, 1.2 GiB of 2.3 GiB, 85 MiB/s, ETA 12s, 3 errors"
std::string ProgressLine(const Progress& progress);

}  // namespace fileferry::cli

#endif  // FILEFERRY_CLI_PROGRESS_H_
