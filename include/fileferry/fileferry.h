// fileferry.h: everything.
#ifndef FILEFERRY_FILEFERRY_H
#define FILEFERRY_FILEFERRY_H

#include "fileferry/config.h"
#include "fileferry/digest.h"
#include "fileferry/factory.h"
#include "fileferry/layers.h"
#include "fileferry/local.h"
#include "fileferry/memory.h"
#include "fileferry/migration.h"
#include "fileferry/object.h"
#include "fileferry/ops.h"
#include "fileferry/options.h"
#include "fileferry/provider.h"
#include "fileferry/s3.h"
#include "fileferry/sigv4.h"
#include "fileferry/stack.h"
#include "fileferry/status.h"
#include "fileferry/store.h"
#include "fileferry/version.h"

#endif  // FILEFERRY_FILEFERRY_H
