// properties.h: the rules for properties that every storage keeps, checked before anything is sent.  Any thread.
#ifndef FILEFERRY_CORE_PROPERTIES_H_
#define FILEFERRY_CORE_PROPERTIES_H_

#include <string_view>

#include "fileferry/provider.h"

namespace fileferry {

// Whether name can be a name of user metadata: a lower-case HTTP token, not reserved ("mtime", "ferry-…").
Status CheckMetadataName(std::string_view name);

// OK, or kInvalidArgument that names the property: a text that is not UTF-8 or holds a control character, a bad name, or more user metadata than the storage keeps;
// kUnsupported for a property that the storage has no place for.
Status CheckProperties(const Properties& properties, const Capabilities& caps);

}  // namespace fileferry

#endif  // FILEFERRY_CORE_PROPERTIES_H_
