// outcome.cc: the names of outcomes, see migration.h.
#include "fileferry/migration.h"

namespace fileferry {

std::string_view OutcomeName(Outcome outcome) {
  switch (outcome) {
    case Outcome::kPending: return "pending";
    case Outcome::kInFlight: return "in flight";
    case Outcome::kCopied: return "copied";
    case Outcome::kVerified: return "verified";
    case Outcome::kSame: return "same";
    case Outcome::kSameByTime: return "same by size and time";
    case Outcome::kConflict: return "conflict";
    case Outcome::kMissing: return "missing at source";
    case Outcome::kVanished: return "vanished at source";
    case Outcome::kCorrupt: return "corrupt at source";
    case Outcome::kFailed: return "failed";
    case Outcome::kRefused: return "refused";
    case Outcome::kDifferent: return "different";
    case Outcome::kMissingAtDestination: return "missing at destination";
    case Outcome::kRolledBack: return "rolled back";
    case Outcome::kSourceDeleted: return "source deleted";
    case Outcome::kSkipped: return "would be copied";
    case Outcome::kUnlisted: return "not listed";
  }
  return "unknown";
}

bool OutcomeIsGood(Outcome outcome) {
  switch (outcome) {
    case Outcome::kCopied:
    case Outcome::kVerified:
    case Outcome::kSame:
    case Outcome::kSameByTime:
    case Outcome::kVanished:
    case Outcome::kRolledBack:
    case Outcome::kSourceDeleted:
    case Outcome::kSkipped:
      return true;
    case Outcome::kPending:
    case Outcome::kInFlight:
    case Outcome::kConflict:
    case Outcome::kMissing:
    case Outcome::kCorrupt:
    case Outcome::kFailed:
    case Outcome::kRefused:
    case Outcome::kDifferent:
    case Outcome::kMissingAtDestination:
    case Outcome::kUnlisted:
      return false;
  }
  return false;
}

}  // namespace fileferry
