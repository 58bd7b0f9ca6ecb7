// xml.cc: reading XML with libxml2's SAX2 push parser, which never builds a tree and is stopped at a DOCTYPE, before it could meet an entity.  Any thread;
// nothing global of libxml2 is changed, since the host may use it too.
#include "codec/xml.h"

#include <libxml/parser.h>

#include <algorithm>
#include <array>
#include <memory>

#include "base/text.h"
#include "base/utf8.h"

namespace fileferry::codec {
namespace {

constexpr std::size_t kMostBytes = std::size_t{16} << 20;
constexpr int kMostLevels = 32;

std::string_view View(const xmlChar* text) { return reinterpret_cast<const char*>(text); }

struct Reader {
  explicit Reader(IXmlHandler& to) : handler(to) {}
  IXmlHandler& handler;
  xmlParserCtxtPtr parser = nullptr;
  int depth = 0;
  bool complete = false;                           // the root element was closed
  std::array<std::string, kMostLevels + 1> texts;  // by depth: character data so far
  std::string problem;                             // the first one

  void Fail(std::string text) {
    if (problem.empty()) problem = std::move(text);
    xmlStopParser(parser);
  }
};

Reader* ReaderOf(void* user) { return static_cast<Reader*>(user); }

void OnDocType(void* user, const xmlChar*, const xmlChar*, const xmlChar*) { ReaderOf(user)->Fail("it holds a document type declaration"); }

void OnStartElement(void* user, const xmlChar* name, const xmlChar*, const xmlChar*, int, const xmlChar**, int, int, const xmlChar**) {
  Reader* reader = ReaderOf(user);
  if (!reader->problem.empty()) return;
  if (reader->depth == kMostLevels) return reader->Fail("it is nested too deeply");
  ++reader->depth;
  reader->texts[static_cast<std::size_t>(reader->depth)].clear();
  reader->handler.OnStart(View(name), reader->depth);
}

void OnEndElement(void* user, const xmlChar* name, const xmlChar*, const xmlChar*) {
  Reader* reader = ReaderOf(user);
  if (!reader->problem.empty()) return;
  reader->handler.OnEnd(View(name), reader->depth, reader->texts[static_cast<std::size_t>(reader->depth)]);
  --reader->depth;
  reader->complete = reader->depth == 0;
}

void OnCharacters(void* user, const xmlChar* text, int size) {
  Reader* reader = ReaderOf(user);
  if (!reader->problem.empty() || reader->depth == 0) return;
  reader->texts[static_cast<std::size_t>(reader->depth)].append(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
}

// libxml2 2.12 made the second parameter const; a template takes both.
template <typename Error>
void OnError(void* user, Error* error) {
  Reader* reader = ReaderOf(user);
  if (error->level != XML_ERR_FATAL || !reader->problem.empty()) return;
  std::string_view message = error->message == nullptr ? "it is not well-formed" : error->message;
  message = message.substr(0, message.find('\n'));
  reader->problem = "line " + std::to_string(error->line) + ": " + std::string(message);
}

xmlSAXHandler MakeHandler() {
  xmlSAXHandler sax = {};
  sax.initialized = XML_SAX2_MAGIC;
  sax.internalSubset = &OnDocType;
  sax.startElementNs = &OnStartElement;
  sax.endElementNs = &OnEndElement;
  sax.characters = &OnCharacters;
  sax.ignorableWhitespace = &OnCharacters;
  sax.cdataBlock = &OnCharacters;
  sax.serror = &OnError;
  return sax;
}

void InitOnce() {
  static const bool done = [] {
    xmlInitParser();
    return true;
  }();
  (void)done;
}

}  // namespace

Status ParseXml(std::string_view document, IXmlHandler& handler) {
  const std::size_t start = document.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) return Status(Code::kIntegrity, "the XML document is empty");
  document.remove_prefix(start);
  if (document.size() > kMostBytes) return Status(Code::kIntegrity, "the XML document is larger than 16 MiB");
  // Whatever encoding a document claims: libxml2's converters for others can lose text without a word.
  if (document.find('\0') != std::string_view::npos || !IsValidUtf8(document)) return Status(Code::kIntegrity, "the XML document is not valid UTF-8");
  InitOnce();
  xmlSAXHandler sax = MakeHandler();
  Reader reader(handler);
  const std::unique_ptr<xmlParserCtxt, void (*)(xmlParserCtxtPtr)> parser(xmlCreatePushParserCtxt(&sax, &reader, nullptr, 0, nullptr), &xmlFreeParserCtxt);
  if (parser == nullptr) return Status(Code::kInternal, "no memory for reading XML");
  reader.parser = parser.get();
  xmlCtxtUseOptions(parser.get(), XML_PARSE_NONET | XML_PARSE_IGNORE_ENC | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
  constexpr std::size_t kPiece = std::size_t{1} << 20;  // libxml2 refuses more than 10 MB at once
  for (; !document.empty() && reader.problem.empty(); document.remove_prefix(std::min(kPiece, document.size()))) {
    xmlParseChunk(parser.get(), document.data(), static_cast<int>(std::min(kPiece, document.size())), 0);
  }
  if (reader.problem.empty()) xmlParseChunk(parser.get(), nullptr, 0, 1);
  if (reader.problem.empty() && (parser->wellFormed == 0 || !reader.complete)) reader.problem = "it is not well-formed";
  if (parser->myDoc != nullptr) xmlFreeDoc(parser->myDoc);
  if (!reader.problem.empty()) return Status(Code::kIntegrity, "the XML document cannot be used: " + reader.problem);
  return {};
}

Result<std::string> XmlEscape(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  while (!text.empty()) {
    const std::size_t length = Utf8Length(text);
    const std::string_view character = text.substr(0, length);
    const char c = text.front();
    if (length == 0) return Status(Code::kInvalidArgument, "a text that is not valid UTF-8 cannot be written as XML");
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r') || character == "\xEF\xBF\xBE" || character == "\xEF\xBF\xBF") {
      return Status(Code::kInvalidArgument, "a text with a control character cannot be written as XML");
    }
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\r': out += "&#13;"; break;
      case '\n': out += "&#10;"; break;
      default: out += character; break;
    }
    text.remove_prefix(length);
  }
  return out;
}

}  // namespace fileferry::codec
