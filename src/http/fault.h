// fault.h: what a test's fault hook can make of an HTTP exchange (docs/testing.md).
//
// Client::Perform asks the hook once for each exchange, as call "http", before anything is sent; Verdict::error is one of the numbers below.  Any other number means kRefuse, or
// kLoseAnswer where Verdict::after is set, so that a hook that knows nothing of HTTP works too.
#ifndef FILEFERRY_HTTP_FAULT_H_
#define FILEFERRY_HTTP_FAULT_H_

namespace fileferry::http {

enum Fault : int {
  kRefuse = 20001,      // no connection: nothing is sent; kUnavailable
  kLoseAnswer = 20002,  // everything is sent and the answer read, then forgotten; kUnavailable, `ambiguous` where the request may change something
  kStatus503 = 20003,   // nothing is sent; the answer is an S3 503 SlowDown with a body
  kCutAnswer = 20004,   // the answer's body ends early: Verdict::limit bytes of it (default: half of the announced length) are delivered, then kUnavailable
};

}  // namespace fileferry::http

#endif  // FILEFERRY_HTTP_FAULT_H_
