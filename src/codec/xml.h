// xml.h: reading and writing the XML of S3.  The only user of libxml2.  No network, no entities beyond the five and character references, no DTD; at most
// 16 MiB and 32 levels.
#ifndef FILEFERRY_CODEC_XML_H_
#define FILEFERRY_CODEC_XML_H_

#include <functional>
#include <string>
#include <string_view>

#include "fileferry/status.h"

namespace fileferry::codec {

class IXmlHandler {
 public:
  virtual ~IXmlHandler() = default;
  // Names without a namespace prefix.  Depth of the root is 1.
  virtual void OnStart(std::string_view name, int depth) = 0;
  // `text` is all character data directly inside the element (white space kept).
  virtual void OnEnd(std::string_view name, int depth, std::string_view text) = 0;
};
// kIntegrity when the document is not well-formed, cut, too large, not UTF-8 or holds a DTD; an encoding that it declares is not looked at.  Leading ASCII
// white space is skipped (S3 keeps connections alive with it).
Status ParseXml(std::string_view document, IXmlHandler& handler);

// Text for an element's content: & < > " escaped, CR and LF as character references.  kInvalidArgument for characters that XML 1.0 cannot hold.
Result<std::string> XmlEscape(std::string_view text);

}  // namespace fileferry::codec

#endif  // FILEFERRY_CODEC_XML_H_
