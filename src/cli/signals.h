// signals.h: the first SIGINT or SIGTERM asks to stop, the second ends the program at once.  Main thread only.
#ifndef FILEFERRY_CLI_SIGNALS_H_
#define FILEFERRY_CLI_SIGNALS_H_

#include "fileferry/options.h"

namespace fileferry::cli {

// `token` must live until the program ends.
void InstallSignals(CancelToken* token);
bool StopWasAsked();
// Waits until there is something to read; false when a stop was asked for before.
bool WaitToRead(int fd);
// What the handler writes to standard error before a second signal ends the program: shows the cursor again.
void SetCursorHidden(bool hidden);

}  // namespace fileferry::cli

#endif  // FILEFERRY_CLI_SIGNALS_H_
