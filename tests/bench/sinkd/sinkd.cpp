// sinkd: a small, fast, in-memory S3 endpoint for benchmarks and crash tests (one thread, epoll, loopback only).
// Not a store: no durability, no versioning, no ACLs. See ../README.md for the flags.
#include <arpa/inet.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>
using std::string; using std::string_view;
using KV = std::vector<std::pair<string, string>>;

enum class Md5 { cached, always, none };
static Md5 g_md5 = Md5::cached;
static bool g_verify = false, g_discard = false, g_trace = false;
static string g_ak = "testkey", g_sk = "testsecret";

// ---------- bytes ----------
struct Buf { char* p = nullptr; size_t n = 0;
  explicit Buf(size_t c) : p((char*)malloc(c ? c : 1)), n(0) {}
  ~Buf() { free(p); } Buf(const Buf&) = delete; };
static const size_t PAT = 1 << 20;          // deterministic bytes of synthetic objects
static char* g_pat;
struct Seg { std::shared_ptr<Buf> b; size_t n; };   // b == null: PAT bytes, repeated
struct Obj { std::vector<Seg> segs; size_t size = 0; string etag, ctype; int64_t ms = 0; KV meta; };
using ObjP = std::shared_ptr<Obj>;
using Bucket = std::map<string, ObjP, std::less<>>;
struct Upload { std::map<int, ObjP> parts; string ctype; KV meta; string bucket, key; int64_t ms = 0; };
static std::map<string, Bucket> g_b;
static std::map<string, Upload> g_up;
static uint64_t g_seq = 0, g_req = 0, g_in = 0, g_out = 0, g_raw = 0, g_cut = 0;  // g_raw: bytes received, heads included; g_cut: connections lost within a request
static std::map<string, uint64_t> g_ops;

static string hex(const unsigned char* d, size_t n) {
  static const char* h = "0123456789abcdef"; string s(n * 2, 0);
  for (size_t i = 0; i < n; i++) { s[2*i] = h[d[i] >> 4]; s[2*i+1] = h[d[i] & 15]; } return s; }
static string digest(const EVP_MD* t, const void* p, size_t n, bool raw = false) {
  unsigned char d[64]; unsigned l = 0; EVP_Digest(p, n, d, &l, t, nullptr);
  return raw ? string((char*)d, l) : hex(d, l); }
static string hmac(const string& k, string_view m) {
  unsigned char d[64]; unsigned l = 0; HMAC(EVP_sha256(), k.data(), k.size(), (const unsigned char*)m.data(), m.size(), d, &l);
  return string((char*)d, l); }
struct H128 { uint64_t a, b; bool operator==(const H128& o) const { return a == o.a && b == o.b; } };
struct HH { size_t operator()(const H128& h) const { return h.a; } };
static H128 fasthash(const char* p, size_t n) {   // not cryptographic: only a key of the MD5 cache
  const uint64_t K = 0x9E3779B97F4A7C15ull; uint64_t h[4] = {n ^ K, n + 1, ~n, n * K}, w[4];
  auto mix = [&] { for (int i = 0; i < 4; i++) { h[i] = (h[i] ^ w[i]) * K; h[i] = (h[i] << 29) | (h[i] >> 35); } };
  for (; n >= 32; p += 32, n -= 32) { memcpy(w, p, 32); mix(); }
  memset(w, 0, 32); memcpy(w, p, n); mix(); memset(w, 7, 32); mix(); mix();
  return {h[0] ^ h[1] * 3, h[2] ^ h[3] * 5}; }
static std::unordered_map<H128, string, HH> g_md5cache;
static string fresh_tag() { char b[64]; snprintf(b, 64, "%032llx-1", (unsigned long long)++g_seq); return b; }
static string md5hex(const char* p, size_t n) {
  if (g_md5 == Md5::none) return fresh_tag();
  if (g_md5 == Md5::always) return digest(EVP_md5(), p, n);
  auto& e = g_md5cache[fasthash(p, n)];
  if (e.empty()) e = digest(EVP_md5(), p, n);
  return e; }
static int64_t now_ms() { return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count(); }
static string http_date(int64_t ms) { time_t t = ms / 1000; tm g; gmtime_r(&t, &g); char b[64]; strftime(b, 64, "%a, %d %b %Y %H:%M:%S GMT", &g); return b; }
static string iso(int64_t ms) { time_t t = ms / 1000; tm g; gmtime_r(&t, &g); char b[64]; size_t n = strftime(b, 64, "%Y-%m-%dT%H:%M:%S", &g);
  snprintf(b + n, 64 - n, ".%03dZ", int(ms % 1000)); return b; }
static string xesc(string_view s) { string o; for (char c : s) { if (c == '&') o += "&amp;"; else if (c == '<') o += "&lt;"; else if (c == '>') o += "&gt;";
  else if (c == '"') o += "&quot;"; else o += c; } return o; }
static string xunesc(string s) { static const char* t[][2] = {{"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&#34;", "\""}, {"&#39;", "'"}, {"&apos;", "'"}, {"&amp;", "&"}};
  for (auto& e : t) for (size_t i = 0; (i = s.find(e[0], i)) != string::npos; i++) s.replace(i, strlen(e[0]), e[1]); return s; }
static string uenc(string_view s, bool keep_slash) { static const char* h = "0123456789ABCDEF"; string o;
  for (unsigned char c : s) if (isalnum(c) || strchr("-_.~", c) && c || (c == '/' && keep_slash)) o += c; else { o += '%'; o += h[c >> 4]; o += h[c & 15]; } return o; }
static string udec(string_view s, bool plus = false) { string o; for (size_t i = 0; i < s.size(); i++) {
  if (s[i] == '%' && i + 2 < s.size()) { o += (char)strtol(string(s.substr(i + 1, 2)).c_str(), nullptr, 16); i += 2; } else o += (plus && s[i] == '+') ? ' ' : s[i]; } return o; }

// ---------- connection ----------
struct Conn {
  int fd; string in; size_t pos = 0;
  int st = 0;                                     // 0 headers, 1 body, 2 sending
  string method, rawpath, rawquery, bucket, key; KV hdr; std::map<string, string> q;
  size_t need = 0; bool te = false, close = false; std::shared_ptr<Buf> body; size_t te_left = 0; int te_st = 0;
  string out; ObjP obj; size_t off = 0, len = 0, sent = 0; bool wr = false;
  const string* h(const char* n) const { for (auto& e : hdr) if (e.first == n) return &e.second; return nullptr; }
  string hv(const char* n) const { auto p = h(n); return p ? *p : string(); }
  bool has(const char* n) const { return q.count(n); }
  string qv(const char* n) const { auto i = q.find(n); return i == q.end() ? string() : i->second; }
};
static int g_ep;

static void reply(Conn& c, int code, string_view body, string_view extra = {}, string_view ctype = "application/xml") {
  static const std::map<int, const char*> R = {{200,"OK"},{204,"No Content"},{206,"Partial Content"},{304,"Not Modified"},{400,"Bad Request"},{403,"Forbidden"},{404,"Not Found"},{412,"Precondition Failed"},{416,"Range Not Satisfiable"},{501,"Not Implemented"}};
  auto r = R.find(code); char b[256];
  int n = snprintf(b, 256, "HTTP/1.1 %d %s\r\nServer: sinkd\r\nx-amz-request-id: %llu\r\n", code, r == R.end() ? "X" : r->second, (unsigned long long)g_req);
  c.out.assign(b, n); c.out += extra;
  if (code != 204 && code != 304) { n = snprintf(b, 256, "Content-Type: %.*s\r\nContent-Length: %zu\r\n", (int)ctype.size(), ctype.data(), body.size()); c.out.append(b, n); }
  if (c.close) c.out += "Connection: close\r\n";
  c.out += "\r\n"; if (c.method != "HEAD" && code != 204 && code != 304) c.out += body; }
static void err(Conn& c, int code, const char* s3) {
  reply(c, code, string("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>") + s3 + "</Code><Message>" + s3 + "</Message><Resource>" + xesc(c.rawpath) + "</Resource><RequestId>0</RequestId></Error>"); }
static const string XML = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
static const string NS = " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";

static string tag(const string& t, string_view v) { string o; o.reserve(t.size() * 2 + v.size() + 5); o += '<'; o += t; o += '>'; o += v; o += "</"; o += t; o += '>'; return o; }
static void list(Conn& c, Bucket& b) {
  bool v2 = c.qv("list-type") == "2", url = c.qv("encoding-type") == "url";
  string prefix = c.qv("prefix"), delim = c.qv("delimiter"), after = v2 ? c.qv("start-after") : c.qv("marker"), tok = c.qv("continuation-token");
  if (!tok.empty()) after = udec(tok);
  size_t max = c.has("max-keys") ? strtoul(c.qv("max-keys").c_str(), nullptr, 10) : 1000; if (max > 1000) max = 1000;
  auto E = [&](string_view s) { return url ? uenc(s, true) : xesc(s); };
  string items, pres, last; size_t n = 0; bool trunc = false;
  auto it = after.empty() || after < prefix ? b.lower_bound(prefix) : b.upper_bound(after);
  if (!delim.empty() && after.size() > prefix.size() && after.compare(after.size() - delim.size(), delim.size(), delim) == 0 && after.compare(0, prefix.size(), prefix) == 0) {
    string a = after; a.back()++; it = b.lower_bound(a); }     // resume after a common prefix
  const Obj* po = nullptr; string tail;
  while (it != b.end() && it->first.compare(0, prefix.size(), prefix) == 0) {
    if (n == max) { trunc = true; break; }
    size_t d = delim.empty() ? string::npos : it->first.find(delim, prefix.size());
    if (d != string::npos) { string p = it->first.substr(0, d + delim.size()); pres += "<CommonPrefixes><Prefix>" + E(p) + "</Prefix></CommonPrefixes>";
      last = p; string nx = p; nx.back()++; it = b.lower_bound(nx); n++; continue; }
    if (it->second.get() != po) { po = it->second.get(); tail = "</Key>" + tag("LastModified", iso(po->ms)) + "<ETag>&quot;" + po->etag + "&quot;</ETag>" + tag("Size", std::to_string(po->size)) + "<StorageClass>STANDARD</StorageClass></Contents>"; }
    items += "<Contents><Key>"; items += E(it->first); items += tail; last = it->first; n++; ++it; }
  string o = XML + "<ListBucketResult" + NS + ">" + tag("Name", c.bucket) + tag("Prefix", E(prefix)) + tag("MaxKeys", std::to_string(max)) + tag("IsTruncated", trunc ? "true" : "false");
  if (!delim.empty()) o += tag("Delimiter", E(delim));
  if (url) o += tag("EncodingType", "url");
  if (v2) { o += tag("KeyCount", std::to_string(n)); if (!tok.empty()) o += tag("ContinuationToken", xesc(tok)); if (trunc) o += tag("NextContinuationToken", xesc(uenc(last, false))); }
  else { o += tag("Marker", E(c.qv("marker"))); if (trunc) o += tag("NextMarker", E(last)); }
  reply(c, 200, o + items + pres + "</ListBucketResult>"); }

static void take_meta(const Conn& c, string& ct, KV& m) { ct = c.hv("content-type"); if (ct.empty()) ct = "application/octet-stream"; m.clear();
  for (auto& e : c.hdr) if (e.first.compare(0, 11, "x-amz-meta-") == 0 || e.first.compare(0, 15, "x-amz-checksum-") == 0 || e.first == "content-encoding" || e.first == "cache-control" || e.first == "content-disposition") m.push_back(e); }
static ObjP body_obj(Conn& c) { auto o = std::make_shared<Obj>(); o->ms = now_ms(); o->size = c.body ? c.body->n : 0;
  o->etag = md5hex(c.body ? c.body->p : "", o->size); if (o->size) o->segs.push_back({g_discard ? nullptr : c.body, o->size}); return o; }
static ObjP sub(const ObjP& s, size_t off, size_t len) { auto o = std::make_shared<Obj>(); auto b = std::make_shared<Buf>(len); size_t at = 0, w = 0;   // for UploadPartCopy with a range
  for (auto& g : s->segs) { size_t a = std::max(off, at), z = std::min(off + len, at + g.n);
    for (size_t i = a; i < z;) { size_t k = z - i, r = (i - at) % PAT; const char* p = g.b ? g.b->p + (i - at) : g_pat + r; if (!g.b) k = std::min(k, PAT - r); memcpy(b->p + w, p, k); w += k; i += k; } at += g.n; }
  b->n = w; o->segs.push_back({b, w}); o->size = w; o->ms = now_ms(); o->etag = md5hex(b->p, w); return o; }
static bool range(const string& r, size_t size, size_t& off, size_t& len) {
  if (r.compare(0, 6, "bytes=") || r.find(',') != string::npos) return true;
  const char* p = r.c_str() + 6; char* e; off = 0; len = size;
  if (*p == '-') { size_t n = strtoull(p + 1, nullptr, 10); if (!n || !size) return false; n = std::min(n, size); off = size - n; len = n; return true; }
  off = strtoull(p, &e, 10); size_t z = *e == '-' && e[1] ? strtoull(e + 1, nullptr, 10) + 1 : size;
  if (off >= size || z <= off) return false; len = std::min(z, size) - off; return true; }
static ObjP source(const string& hdr) { string s = udec(hdr.substr(0, hdr.find('?'))); if (!s.empty() && s[0] == '/') s.erase(0, 1); size_t i = s.find('/'); if (i == string::npos) return nullptr;
  auto b = g_b.find(s.substr(0, i)); if (b == g_b.end()) return nullptr; auto o = b->second.find(s.substr(i + 1)); return o == b->second.end() ? nullptr : o->second; }

static bool sig_ok(Conn& c) {          // header-based SigV4; chunk signatures are not checked
  string a = c.hv("authorization"); auto f = [&](const char* k) { size_t i = a.find(k); if (i == string::npos) return string(); i += strlen(k); size_t j = a.find_first_of(", ", i); return a.substr(i, j == string::npos ? j : j - i); };
  string cred = f("Credential="), sh = f("SignedHeaders="), sig = f("Signature="); if (sig.empty()) return false;
  std::vector<string> cp; for (size_t i = 0; i <= cred.size();) { size_t j = cred.find('/', i); if (j == string::npos) j = cred.size(); cp.push_back(cred.substr(i, j - i)); i = j + 1; }
  if (cp.size() != 5 || cp[0] != g_ak) return false;
  std::vector<std::pair<string, string>> qs; for (auto& e : c.q) qs.push_back({uenc(e.first, false), uenc(e.second, false)}); std::sort(qs.begin(), qs.end());
  string cq; for (auto& e : qs) cq += (cq.empty() ? "" : "&") + e.first + "=" + e.second;
  string ch; for (size_t i = 0; i <= sh.size();) { size_t j = sh.find(';', i); if (j == string::npos) j = sh.size(); string n = sh.substr(i, j - i), v = c.hv(n.c_str()); string w;
    for (char x : v) if (x != ' ' || (!w.empty() && w.back() != ' ')) w += x; ch += n + ":" + w + "\n"; i = j + 1; }
  string ph = c.hv("x-amz-content-sha256"), scope = cp[1] + "/" + cp[2] + "/" + cp[3] + "/" + cp[4];
  string canon = c.method + "\n" + uenc(udec(c.rawpath), true) + "\n" + cq + "\n" + ch + "\n" + sh + "\n" + ph;
  string sts = "AWS4-HMAC-SHA256\n" + c.hv("x-amz-date") + "\n" + scope + "\n" + digest(EVP_sha256(), canon.data(), canon.size());
  string k = hmac(hmac(hmac(hmac("AWS4" + g_sk, cp[1]), cp[2]), cp[3]), cp[4]), want = hmac(k, sts);
  if (hex((unsigned char*)want.data(), want.size()) != sig) return false;
  return ph.size() != 64 || ph == digest(EVP_sha256(), c.body ? c.body->p : "", c.body ? c.body->n : 0); }
static void unchunk(Buf& b) {          // aws-chunked, in place
  size_t r = 0, w = 0; while (r < b.n) { char* nl = (char*)memchr(b.p + r, '\n', b.n - r); if (!nl) break; size_t k = strtoull(b.p + r, nullptr, 16); r = nl - b.p + 1;
    if (!k || r + k > b.n) break; memmove(b.p + w, b.p + r, k); w += k; r += k + 2; } b.n = w; }

static void admin(Conn& c) {
  if (c.key == "reset") { string b = c.qv("bucket"), p = c.qv("prefix"); if (b.empty()) { g_b.clear(); g_up.clear(); } else if (p.empty()) g_b[b].clear();
    else { auto& m = g_b[b]; auto i = m.lower_bound(p); while (i != m.end() && i->first.compare(0, p.size(), p) == 0) i = m.erase(i); } }
  else if (c.key == "prefill") { size_t n = strtoull(c.qv("n").c_str(), nullptr, 10), s = strtoull(c.qv("size").c_str(), nullptr, 10), dirs = c.has("dirs") ? strtoull(c.qv("dirs").c_str(), nullptr, 10) : 100;
    auto o = std::make_shared<Obj>(); o->size = s; o->ms = now_ms(); o->ctype = "application/octet-stream"; if (s) o->segs.push_back({nullptr, s});
    if (g_md5 == Md5::none) o->etag = fresh_tag(); else { auto m = EVP_MD_CTX_new(); EVP_DigestInit(m, EVP_md5()); for (size_t i = 0; i < s; i += PAT) EVP_DigestUpdate(m, g_pat, std::min(PAT, s - i)); unsigned char d[16]; EVP_DigestFinal(m, d, nullptr); EVP_MD_CTX_free(m); o->etag = hex(d, 16); }
    auto& m = g_b[c.qv("bucket")]; char k[512]; string p = c.qv("prefix"); for (size_t i = 0; i < n; i++) { snprintf(k, 512, "%sd%04zu/f%07zu.bin", p.c_str(), i % dirs, i); m[k] = o; } }
  else if (c.key == "damage") { auto& m = g_b[c.qv("bucket")]; auto i = m.find(c.qv("key")); if (i == m.end() || !i->second->size) return err(c, 404, "NoSuchKey");   // one bit, and nobody says so
    auto o = std::make_shared<Obj>(*i->second), s = sub(o, 0, o->size); s->segs[0].b->p[o->size / 2] ^= 1; o->segs = s->segs; i->second = o; }
  else if (c.key != "stats") return err(c, 404, "NoSuchKey");
  rusage u; getrusage(RUSAGE_SELF, &u); string o = "{\"requests\":" + std::to_string(g_req) + ",\"in\":" + std::to_string(g_in) + ",\"out\":" + std::to_string(g_out) + ",\"raw\":" + std::to_string(g_raw) + ",\"cut\":" + std::to_string(g_cut) + ",\"uploads\":" + std::to_string(g_up.size()) +
    ",\"cpu_us\":" + std::to_string((u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000ll + u.ru_utime.tv_usec + u.ru_stime.tv_usec) + ",\"conns\":" + std::to_string(g_ops["conn"]) + ",\"ops\":{"; bool f = true;
  for (auto& e : g_ops) { o += string(f ? "" : ",") + "\"" + e.first + "\":" + std::to_string(e.second); f = false; }
  size_t objs = 0; for (auto& e : g_b) objs += e.second.size(); reply(c, 200, o + "},\"objects\":" + std::to_string(objs) + "}\n", {}, "application/json"); }

static void handle(Conn& c) {
  g_req++; c.obj = nullptr; c.off = c.len = c.sent = 0;
  bool head = c.method == "HEAD", get = c.method == "GET" || head, put = c.method == "PUT", post = c.method == "POST", del = c.method == "DELETE";
  g_ops[c.method + (c.key.empty() ? "-bucket" : "")]++;
  if (g_trace) { fprintf(stderr, "%s %s?%s len=%zu", c.method.c_str(), c.rawpath.c_str(), c.rawquery.c_str(), c.body ? c.body->n : 0);
    for (auto& e : c.hdr) for (auto p : {"x-amz-content-sha256", "content-md5", "x-amz-checksum", "x-amz-sdk-checksum", "x-amz-trailer", "content-encoding", "expect", "range", "x-amz-meta-", "if-"}) if (e.first.compare(0, strlen(p), p) == 0) fprintf(stderr, " [%s: %s]", e.first.c_str(), e.second.c_str());
    fputc('\n', stderr); }
  if (c.bucket == "_sinkd") return admin(c);
  if (g_verify && !sig_ok(c)) return err(c, 403, "SignatureDoesNotMatch");
  if (c.body && (c.hv("content-encoding").find("aws-chunked") != string::npos || c.hv("x-amz-content-sha256").compare(0, 9, "STREAMING") == 0)) unchunk(*c.body);
  if (c.body) g_in += c.body->n;
  if (c.bucket.empty()) { string o = XML + "<ListAllMyBucketsResult" + NS + "><Owner><ID>sinkd</ID></Owner><Buckets>"; for (auto& e : g_b) o += "<Bucket>" + tag("Name", e.first) + tag("CreationDate", iso(0)) + "</Bucket>"; return reply(c, 200, o + "</Buckets></ListAllMyBucketsResult>"); }
  auto bi = g_b.find(c.bucket);
  if (c.key.empty()) {
    if (put) { if (bi == g_b.end()) g_b[c.bucket]; return reply(c, 200, "", "Location: /" + c.bucket + "\r\n"); }
    if (bi == g_b.end()) return err(c, 404, "NoSuchBucket");
    if (head) return reply(c, 200, "", "x-amz-bucket-region: us-east-1\r\n");
    if (del) { if (!bi->second.empty()) return err(c, 400, "BucketNotEmpty"); g_b.erase(bi); return reply(c, 204, ""); }
    if (post && c.has("delete")) { string b(c.body ? c.body->p : "", c.body ? c.body->n : 0), o = XML + "<DeleteResult" + NS + ">"; for (size_t i = 0; (i = b.find("<Key>", i)) != string::npos;) { i += 5; size_t j = b.find("</Key>", i); string k = b.substr(i, j - i); bi->second.erase(xunesc(k)); o += "<Deleted>" + tag("Key", k) + "</Deleted>"; i = j; } return reply(c, 200, o + "</DeleteResult>"); }
    if (c.has("location")) return reply(c, 200, XML + "<LocationConstraint" + NS + "></LocationConstraint>");
    if (c.has("versioning")) return reply(c, 200, XML + "<VersioningConfiguration" + NS + "/>");
    if (c.has("uploads")) { string o = XML + "<ListMultipartUploadsResult" + NS + ">" + tag("Bucket", c.bucket) + "<IsTruncated>false</IsTruncated>", p = c.qv("prefix");
      for (auto& e : g_up) if (e.second.bucket == c.bucket && e.second.key.compare(0, p.size(), p) == 0) o += "<Upload>" + tag("Key", xesc(e.second.key)) + tag("UploadId", e.first) + tag("Initiated", iso(e.second.ms)) + "</Upload>";
      return reply(c, 200, o + "</ListMultipartUploadsResult>"); }
    return get ? list(c, bi->second) : err(c, 501, "NotImplemented"); }
  if (bi == g_b.end()) return err(c, 404, "NoSuchBucket");
  auto& b = bi->second; auto it = b.find(c.key); ObjP cur = it == b.end() ? nullptr : it->second; string q = "\"";
  if (put) {
    if (c.hv("if-none-match") == "*" && cur && !c.has("partNumber")) return err(c, 412, "PreconditionFailed");
    if (c.h("if-match") && (!cur || c.hv("if-match") != q + cur->etag + q)) return err(c, 412, "PreconditionFailed");
    ObjP o, src; if (c.h("x-amz-copy-source")) { src = source(c.hv("x-amz-copy-source")); if (!src) return err(c, 404, "NoSuchKey"); }
    if (c.has("partNumber")) { auto u = g_up.find(c.qv("uploadId")); if (u == g_up.end()) return err(c, 404, "NoSuchUpload"); g_ops["part"]++;
      if (src) { size_t off = 0, len = src->size; if (!range(c.hv("x-amz-copy-source-range"), src->size, off, len)) return err(c, 416, "InvalidRange"); o = sub(src, off, len); } else o = body_obj(c);
      u->second.parts[atoi(c.qv("partNumber").c_str())] = o; }
    else { if (src) { o = std::make_shared<Obj>(*src); o->ms = now_ms(); if (c.hv("x-amz-metadata-directive") == "REPLACE") take_meta(c, o->ctype, o->meta); g_ops["copy"]++; } else { o = body_obj(c); take_meta(c, o->ctype, o->meta); }
      b[c.key] = o; }
    if (src) { string t = c.has("partNumber") ? "CopyPartResult" : "CopyObjectResult"; return reply(c, 200, XML + "<" + t + NS + ">" + tag("LastModified", iso(o->ms)) + tag("ETag", "&quot;" + o->etag + "&quot;") + "</" + t + ">"); }
    return reply(c, 200, "", "ETag: \"" + o->etag + "\"\r\n"); }
  if (post && c.has("uploads")) { string id = "up" + std::to_string(++g_seq); auto& u = g_up[id]; take_meta(c, u.ctype, u.meta); u.bucket = c.bucket; u.key = c.key; u.ms = now_ms();
    return reply(c, 200, XML + "<InitiateMultipartUploadResult" + NS + ">" + tag("Bucket", c.bucket) + tag("Key", xesc(c.key)) + tag("UploadId", id) + "</InitiateMultipartUploadResult>"); }
  if (c.has("uploadId")) { auto u = g_up.find(c.qv("uploadId")); if (u == g_up.end()) return err(c, 404, "NoSuchUpload");
    if (del) { g_up.erase(u); return reply(c, 204, ""); }
    if (get) { string o = XML + "<ListPartsResult" + NS + ">"; for (auto& e : u->second.parts) o += "<Part>" + tag("PartNumber", std::to_string(e.first)) + tag("ETag", "&quot;" + e.second->etag + "&quot;") + tag("Size", std::to_string(e.second->size)) + "</Part>"; return reply(c, 200, o + "</ListPartsResult>"); }
    if (c.hv("if-none-match") == "*" && cur) return err(c, 412, "PreconditionFailed");
    string x(c.body ? c.body->p : "", c.body ? c.body->n : 0), cat; auto o = std::make_shared<Obj>(); o->ctype = u->second.ctype; o->meta = u->second.meta; o->ms = now_ms(); int n = 0;
    for (size_t i = 0; (i = x.find("<PartNumber>", i)) != string::npos; n++) { i += 12; auto p = u->second.parts.find(atoi(x.c_str() + i)); if (p == u->second.parts.end()) return err(c, 400, "InvalidPart");
      for (auto& s : p->second->segs) o->segs.push_back(s); o->size += p->second->size; string e = p->second->etag; for (size_t k = 0; k + 1 < 32; k += 2) cat += (char)strtol(e.substr(k, 2).c_str(), nullptr, 16); }
    if (!n) return err(c, 400, "InvalidPart");
    o->etag = g_md5 == Md5::none ? fresh_tag() : digest(EVP_md5(), cat.data(), cat.size()) + "-" + std::to_string(n); b[c.key] = o; g_up.erase(u);
    return reply(c, 200, XML + "<CompleteMultipartUploadResult" + NS + ">" + tag("Location", "http://127.0.0.1" + xesc(c.rawpath)) + tag("Bucket", c.bucket) + tag("Key", xesc(c.key)) + tag("ETag", "&quot;" + o->etag + "&quot;") + "</CompleteMultipartUploadResult>"); }
  if (del) { if (c.h("if-match") && cur && c.hv("if-match") != q + cur->etag + q) return err(c, 412, "PreconditionFailed"); if (cur) b.erase(it); return reply(c, 204, ""); }
  if (!get) return err(c, 501, "NotImplemented");
  if (!cur) return err(c, 404, "NoSuchKey");
  if (c.h("if-none-match") && c.hv("if-none-match") == q + cur->etag + q) return reply(c, 304, "", "ETag: \"" + cur->etag + "\"\r\n");
  if (c.h("if-match") && c.hv("if-match") != q + cur->etag + q) return err(c, 412, "PreconditionFailed");
  size_t off = 0, len = cur->size; bool part = c.h("range"); if (part && !range(c.hv("range"), cur->size, off, len)) return err(c, 416, "InvalidRange");
  char t[512]; int n = snprintf(t, 512, "HTTP/1.1 %s\r\nServer: sinkd\r\nx-amz-request-id: %llu\r\nAccept-Ranges: bytes\r\nContent-Length: %zu\r\nETag: \"%s\"\r\nContent-Type: %s\r\nLast-Modified: ", part ? "206 Partial Content" : "200 OK", (unsigned long long)g_req, len, cur->etag.c_str(), cur->ctype.substr(0, 128).c_str());
  c.out.assign(t, n); c.out += http_date(cur->ms); c.out += "\r\n";
  if (part) { n = snprintf(t, 512, "Content-Range: bytes %zu-%zu/%zu\r\n", off, off + len - 1, cur->size); c.out.append(t, n); }
  for (auto& m : cur->meta) c.out += m.first + ": " + m.second + "\r\n";
  if (c.close) c.out += "Connection: close\r\n";
  c.out += "\r\n"; if (!head) { c.obj = cur; c.off = off; c.len = len; g_out += len; } }

// true: done; false: would block
static int flush(Conn& c) {
  for (;;) { size_t total = c.out.size() + c.len; if (c.sent >= total) return 1;
    iovec v[64]; int n = 0; if (c.sent < c.out.size()) v[n++] = {(void*)(c.out.data() + c.sent), c.out.size() - c.sent};
    if (c.obj) { size_t done = c.sent > c.out.size() ? c.sent - c.out.size() : 0, a = c.off + done, z = c.off + c.len, at = 0;
      for (auto& g : c.obj->segs) { size_t s = std::max(a, at), e = std::min(z, at + g.n);
        while (s < e && n < 64) { size_t k = e - s, r = (s - at) % PAT; const char* p = g.b ? g.b->p + (s - at) : g_pat + r; if (!g.b) k = std::min(k, PAT - r); v[n++] = {(void*)p, k}; s += k; }
        at += g.n; if (at >= z || n == 64) break; } }
    msghdr m{}; m.msg_iov = v; m.msg_iovlen = n; ssize_t w = sendmsg(c.fd, &m, MSG_NOSIGNAL);
    if (w < 0) return errno == EAGAIN ? 0 : -1; c.sent += w; } }
static int parse(Conn& c) {            // 1 a head was read, 0 more needed, -1 bad
  size_t e = c.in.find("\r\n\r\n", c.pos); if (e == string::npos) return c.in.size() - c.pos > (1 << 20) ? -1 : 0;
  string_view s(c.in.data() + c.pos, e + 2 - c.pos); c.pos = e + 4; c.hdr.clear(); c.q.clear(); size_t l = s.find("\r\n"), a = s.find(' '), z = s.rfind(' ', l); if (a == string::npos || z <= a || z > l) return -1;
  c.method = s.substr(0, a); string_view t = s.substr(a + 1, z - a - 1); if (t.compare(0, 7, "http://") == 0) t = t.substr(std::min(t.find('/', 7), t.size()));
  size_t qm = t.find('?'); c.rawpath = t.substr(0, qm); c.rawquery = qm == string::npos ? "" : t.substr(qm + 1);
  for (size_t i = l + 2; i < s.size();) { size_t j = s.find("\r\n", i), k = s.find(':', i); if (k == string::npos || k > j) break; string n(s.substr(i, k - i)); for (auto& x : n) x = tolower(x); k++; while (k < j && s[k] == ' ') k++; size_t y = j; while (y > k && s[y-1] == ' ') y--; c.hdr.emplace_back(std::move(n), s.substr(k, y - k)); i = j + 2; }
  string p = udec(c.rawpath); if (!p.empty()) p.erase(0, 1); size_t sl = p.find('/'); c.bucket = p.substr(0, sl); c.key = sl == string::npos ? "" : p.substr(sl + 1);
  for (size_t i = 0; i < c.rawquery.size();) { size_t j = c.rawquery.find('&', i); if (j == string::npos) j = c.rawquery.size(); string_view kv(c.rawquery.data() + i, j - i); size_t k = kv.find('='); c.q[udec(kv.substr(0, k), true)] = k == string::npos ? "" : udec(kv.substr(k + 1), true); i = j + 1; }
  c.close = strcasecmp(c.hv("connection").c_str(), "close") == 0; c.te = c.hv("transfer-encoding").find("chunked") != string::npos; c.te_st = 0; c.te_left = 0; c.body = nullptr;
  c.need = c.te ? 0 : strtoull(c.hv("content-length").c_str(), nullptr, 10); if (c.need > (8ull << 30)) return -1;
  if (c.need || c.te) { c.body = std::make_shared<Buf>(c.te ? 1 << 16 : c.need); }
  if (c.h("expect") && c.pos >= c.in.size()) { if (send(c.fd, "HTTP/1.1 100 Continue\r\n\r\n", 25, MSG_NOSIGNAL) < 0) return -1; }
  return 1; }
static bool te_feed(Conn& c) {         // plain Transfer-Encoding: chunked; true when the body is complete
  while (c.pos < c.in.size()) {
    if (c.te_left) { size_t k = std::min(c.te_left, c.in.size() - c.pos); if (auto b = c.body.get(); true) { size_t cap = malloc_usable_size(b->p); if (b->n + k > cap) b->p = (char*)realloc(b->p, (b->n + k) * 2); memcpy(b->p + b->n, c.in.data() + c.pos, k); b->n += k; } c.pos += k; c.te_left -= k; continue; }
    size_t nl = c.in.find("\r\n", c.pos); if (nl == string::npos) return false; string ln = c.in.substr(c.pos, nl - c.pos); c.pos = nl + 2;
    if (c.te_st == 1) { if (ln.empty()) return true; continue; }                 // trailers
    if (ln.empty()) continue; c.te_left = strtoull(ln.c_str(), nullptr, 16); if (!c.te_left) c.te_st = 1; }
  return false; }
static bool step(Conn& c) {            // false: close the connection
  for (;;) {
    if (c.st == 2) { int f = flush(c); if (f < 0) return false;
      if (!f) { if (!c.wr) { epoll_event ev{EPOLLOUT, {.ptr = &c}}; epoll_ctl(g_ep, EPOLL_CTL_MOD, c.fd, &ev); c.wr = true; } return true; }
      if (c.wr) { epoll_event ev{EPOLLIN, {.ptr = &c}}; epoll_ctl(g_ep, EPOLL_CTL_MOD, c.fd, &ev); c.wr = false; }
      c.obj = nullptr; c.body = nullptr; if (c.close) return false; c.st = 0; }
    if (c.st == 0) { if (c.pos && c.pos == c.in.size()) { c.in.clear(); c.pos = 0; }
      int p = c.in.size() > c.pos ? parse(c) : 0; if (p < 0) return false;
      if (p) c.st = 1; else { size_t o = c.in.size(); c.in.resize(o + 8192); ssize_t r = recv(c.fd, &c.in[o], 8192, 0); if (r > 0) g_raw += r; c.in.resize(o + (r > 0 ? r : 0)); if (r == 0) return false; if (r < 0) return errno == EAGAIN; continue; } }
    if (c.st == 1) { bool done = !c.body;
      if (c.te) { done = te_feed(c); if (!done) { c.in.erase(0, c.pos); c.pos = 0; size_t o = c.in.size(); c.in.resize(o + 65536); ssize_t r = recv(c.fd, &c.in[o], 65536, 0); c.in.resize(o + (r > 0 ? r : 0)); if (r == 0) return false; if (r < 0) return errno == EAGAIN; continue; } }
      else if (c.body) { auto& b = *c.body; size_t k = std::min(c.need - b.n, c.in.size() - c.pos); memcpy(b.p + b.n, c.in.data() + c.pos, k); b.n += k; c.pos += k;
        while (b.n < c.need) { ssize_t r = recv(c.fd, b.p + b.n, c.need - b.n, 0); if (r > 0) g_raw += r; if (r == 0) return false; if (r < 0) return errno == EAGAIN; b.n += r; } done = true; }
      if (!done) return true;
      handle(c); c.st = 2; } } }

int main(int argc, char** argv) {
  int port = 9000; string buckets; string pre;
  for (int i = 1; i < argc; i++) { string a = argv[i]; auto v = [&] { return i + 1 < argc ? argv[++i] : (char*)""; };
    if (a == "-port") port = atoi(v()); else if (a == "-md5") { string m = v(); g_md5 = m == "none" ? Md5::none : m == "always" ? Md5::always : Md5::cached; }
    else if (a == "-verify") g_verify = true; else if (a == "-discard") g_discard = true; else if (a == "-trace") g_trace = true; else if (a == "-ak") g_ak = v(); else if (a == "-sk") g_sk = v(); else if (a == "-bucket") g_b[v()];
    else { fprintf(stderr, "sinkd [-port N] [-md5 cached|always|none] [-discard] [-verify [-ak K] [-sk S]] [-bucket B]... [-trace]\n"); return 2; } }
  mallopt(M_MMAP_THRESHOLD, 1 << 30); mallopt(M_TRIM_THRESHOLD, 0x7fffffff); mallopt(M_TOP_PAD, 16 << 20); signal(SIGPIPE, SIG_IGN);
  g_pat = (char*)malloc(PAT); uint64_t x = 88172645463325252ull; for (size_t i = 0; i < PAT; i += 8) { x ^= x << 13; x ^= x >> 7; x ^= x << 17; memcpy(g_pat + i, &x, 8); }
  int ls = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1; setsockopt(ls, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  sockaddr_in sa{}; sa.sin_family = AF_INET; sa.sin_port = htons(port); sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(ls, (sockaddr*)&sa, sizeof sa) || listen(ls, 1024)) { perror("bind"); return 1; }
  g_ep = epoll_create1(0); epoll_event ev{EPOLLIN, {.ptr = nullptr}}; epoll_ctl(g_ep, EPOLL_CTL_ADD, ls, &ev); fprintf(stderr, "sinkd on 127.0.0.1:%d\n", port);
  epoll_event evs[256];
  for (;;) { int n = epoll_wait(g_ep, evs, 256, -1);
    for (int i = 0; i < n; i++) { if (!evs[i].data.ptr) { for (int fd; (fd = accept4(ls, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) { g_ops["conn"]++; setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); auto c = new Conn; c->fd = fd; epoll_event e{EPOLLIN, {.ptr = c}}; epoll_ctl(g_ep, EPOLL_CTL_ADD, fd, &e); } continue; }
      auto c = (Conn*)evs[i].data.ptr; if (!step(*c)) { if (c->st || c->in.size() > c->pos) g_cut++; close(c->fd); delete c; } } } }
