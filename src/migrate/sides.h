// sides.h: the two storages of a run, resolved and limited as the plan says.
#ifndef FILEFERRY_MIGRATE_SIDES_H_
#define FILEFERRY_MIGRATE_SIDES_H_

#include "transfer/run.h"

namespace fileferry {

// kInvalidArgument when an archive is asked for and not open.
Status CheckArchive(const CopyPlan& plan);
// One object to a text that does not end in '/': the text is the object's new name.
void NameObject(const OpenedStorage& storage, const Side& source, Side* destination);
// What of the filters a list of keys leaves to be asked for; nullptr where there is no list, or nothing to ask.
Result<std::shared_ptr<const Filter>> FilterOfKeys(const CopyPlan& plan);
// Fills plan, filter, source, destination, archive and server_copy.  Refuses two storages of which one lies in the other.
Status FillSetup(Run& run, const OpenedStorage& source, const OpenedStorage& destination, bool compare, Setup* setup);

// What a migration would do: a dry run that writes nothing, not even a journal.
Result<std::unique_ptr<IRun>> NewTrial(OpenedStorage source, OpenedStorage destination, CopyPlan plan);
// After a listing of the source: kNotFound when it met nothing at all below the folder that the text names, which is mistyped more often than empty.  A whole storage, a folder that is there
// and empty, and one whose objects a --delete-source may have moved to a destination that is not empty, are well.
Status CheckMet(const Setup& setup, Board& board);

}  // namespace fileferry

#endif  // FILEFERRY_MIGRATE_SIDES_H_
