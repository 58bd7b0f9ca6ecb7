// progress.cc: draws progress.  Main thread only.
#include "progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "fileferry/config.h"
#include "json.h"
#include "output.h"
#include "signals.h"
#include "text.h"

namespace fileferry::cli {
namespace {

constexpr auto kRedraw = std::chrono::milliseconds(200);
constexpr std::size_t kTransfersShown = 4;
constexpr std::uint64_t kWithBar = std::uint64_t{1} << 20;  // a bar of its own; smaller objects are there or not

double Share(std::uint64_t done, std::uint64_t all) { return all == 0 ? 0 : std::min(1.0, static_cast<double>(done) / static_cast<double>(all)); }

std::string Bar(double share, std::size_t width, bool utf8) {
  const auto eighths = static_cast<std::size_t>(share * static_cast<double>(width) * 8);
  std::string bar;
  if (!utf8) {
    const std::size_t full = eighths / 8;
    bar = std::string(full, '#') + std::string(width - full, '-');
    return "[" + bar + "]";
  }
  static constexpr const char* kParts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  std::size_t columns = 0;
  for (; columns < eighths / 8; columns++) bar += "█";
  if (eighths % 8 != 0 && columns < width) {
    bar += kParts[eighths % 8];
    columns++;
  }
  return "│" + bar + std::string(width - columns, ' ') + "│";
}

std::string Percent(double share) {
  char text[16];
  std::snprintf(text, sizeof text, "%3d %%", static_cast<int>(share * 100));
  return text;
}

std::string OfTotal(std::string done, std::string total, bool known) { return done + (known ? " of " : " of at least ") + total; }

std::size_t TerminalWidth() {
  struct winsize size {};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20) return size.ws_col - 1u;
  return 79;
}

}  // namespace

namespace {

std::uint64_t BytesDone(const Progress& progress) {
  std::uint64_t bytes = progress.ended_bytes;
  for (const Transfer& transfer : progress.under_way) bytes += transfer.done;
  return std::min(bytes, std::max(progress.due_bytes, progress.ended_bytes));
}

std::string RateText(const Progress& progress) {
  if (progress.rate > 0) return Rate(progress.rate);
  if (progress.object_rate <= 0) return {};
  return Count(static_cast<std::uint64_t>(progress.object_rate + 0.5)) + " objects/s";
}

std::string Errors(const Progress& progress) { return Count(progress.errors) + (progress.errors == 1 ? " error" : " errors"); }

}  // namespace

std::vector<std::string> BlockLines(const Progress& progress, std::size_t width, bool utf8) {
  const bool known = progress.listing_done;
  const std::size_t bar_width = width >= 100 ? 40 : width >= 60 ? 24 : width >= 40 ? 12 : 6;
  std::vector<std::string> lines;
  std::string head = progress.phase + "  " + Bar(progress.share, bar_width, utf8) + " " + (known ? Percent(progress.share) : "listing");
  const std::string rate = RateText(progress);
  if (!rate.empty()) head += "  " + rate;
  if (progress.eta >= 0 && known) head += "  ETA " + FormatDuration(progress.eta);
  lines.push_back(head);
  std::string counts = "  " + OfTotal(Count(progress.ended), Count(progress.due), known) + " objects, ";
  if (progress.due_bytes > 0) counts += OfTotal(SizeText(BytesDone(progress)), SizeText(progress.due_bytes), known) + ", ";
  counts += FormatDuration(progress.seconds);
  if (progress.errors > 0) counts += ", " + Errors(progress);
  lines.push_back(counts);
  const std::size_t small = std::min<std::size_t>(bar_width, 16);
  const std::size_t tail = small + 2 + 1 + 5 + 2 + 9;
  for (std::size_t i = 0; i < std::min(kTransfersShown, progress.under_way.size()); i++) {
    const Transfer& transfer = progress.under_way[i];
    const std::size_t room = width > tail + 6 ? width - tail - 6 : 8;
    const double part = Share(transfer.done, transfer.size);
    const std::string bar = transfer.size >= kWithBar ? Bar(part, small, utf8) + " " + Percent(part) : std::string(small + 2 + 1 + 5, ' ');
    lines.push_back("    " + PadRight(Clip(Printable(transfer.key), room), room) + "  " + bar + PadLeft(SizeText(transfer.size), 11));
  }
  if (progress.under_way.size() > kTransfersShown) lines.push_back("    and " + Count(progress.under_way.size() - kTransfersShown) + " more under way");
  if (!progress.last_errors.empty()) lines.push_back("  last error: " + Printable(progress.last_errors.back()));
  for (std::string& line : lines) line = Clip(line, width);
  return lines;
}

std::string ProgressLine(const Progress& progress) {
  const bool known = progress.listing_done;
  std::string line = progress.phase + ": " + OfTotal(Count(progress.ended), Count(progress.due), known) + " objects";
  if (progress.due_bytes > 0) line += ", " + OfTotal(SizeText(BytesDone(progress)), SizeText(progress.due_bytes), known);
  const std::string rate = RateText(progress);
  if (!rate.empty()) line += ", " + rate;
  if (progress.eta >= 0 && known) line += ", ETA " + FormatDuration(progress.eta);
  if (progress.errors > 0) line += ", " + Errors(progress);
  return line;
}

std::string ProgressJsonLine(const Progress& progress) {
  Json json = ProgressJson(progress);
  json["ended"] = progress.ended;
  json["ended_bytes"] = BytesDone(progress);
  json["due"] = progress.due;
  json["due_bytes"] = progress.due_bytes;
  json["share"] = progress.share;
  json["rate"] = progress.rate;
  if (progress.eta >= 0 && progress.listing_done) json["eta"] = progress.eta;
  return DumpLine(json);
}

ProgressView::ProgressView(ProgressStyle style) : style_(style), last_(std::chrono::steady_clock::now()) {
  if (style_.shown && style_.block) last_ -= kRedraw;
}

ProgressView::~ProgressView() { Restore(); }

void ProgressView::Restore() {
  if (!hidden_) return;
  WriteAllTo(STDERR_FILENO, "\x1b[?25h");
  SetCursorHidden(false);
  hidden_ = false;
}

void ProgressView::Draw(const Progress& progress, std::size_t width) {
  const std::vector<std::string> lines = BlockLines(progress, width, style_.utf8);
  // One write, so that no half-drawn state is ever seen: up to the first line, each line anew, what is left over cleared.
  std::string text;
  if (!hidden_) {
    text += "\x1b[?25l";
    hidden_ = true;
    SetCursorHidden(true);
  }
  if (lines_ > 0) text += "\x1b[" + std::to_string(lines_) + "A";
  text += "\r";
  for (const std::string& line : lines) text += line + "\x1b[K\n";
  if (lines.size() < lines_) text += "\x1b[J";
  lines_ = lines.size();
  WriteAllTo(STDERR_FILENO, text);
}

void ProgressView::Update(const Progress& progress) {
  if (!style_.shown) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - last_ < (style_.block ? kRedraw : style_.interval)) return;
  last_ = now;
  if (style_.block) {
    Draw(progress, TerminalWidth());
  } else {
    WriteAllTo(STDERR_FILENO, (style_.json ? ProgressJsonLine(progress) : ProgressLine(progress)) + "\n");
  }
}

void ProgressView::Finish(const Progress& progress) {
  if (style_.shown && style_.block && lines_ > 0) Draw(progress, TerminalWidth());
  Restore();
}

}  // namespace fileferry::cli
