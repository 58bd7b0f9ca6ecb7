// rows.h: rows of the journal to and from SQLite.  Used by the journal's own files.
#ifndef FILEFERRY_JOURNAL_ROWS_H_
#define FILEFERRY_JOURNAL_ROWS_H_

#include <optional>
#include <string>

#include "base/digest.h"
#include "journal/journal.h"

namespace fileferry {

// The columns in the order that ReadRow and BindRow know.
extern const std::string kSelectRows;

void BindTime(Statement* statement, int at, const std::optional<Time>& time);
std::optional<Time> ReadTime(const Statement& statement, int column);
void BindRow(Statement* statement, const JournalRow& row);  // row must live until the statement is reset
JournalRow ReadRow(const Statement& statement);

}  // namespace fileferry

#endif  // FILEFERRY_JOURNAL_ROWS_H_
