// access_test.cc: ACL and tags, asked for one by one.
#include "s3_fixture.h"

using namespace fileferry;
using namespace fileferry::test;

namespace {

std::string Acl(const std::string& grants) {
  return "<?xml version=\"1.0\"?><AccessControlPolicy xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Owner><ID>me</ID></Owner><AccessControlList>" + grants +
         "</AccessControlList></AccessControlPolicy>";
}
std::string Grant(const std::string& who, const std::string& what) { return "<Grant><Grantee>" + who + "</Grantee><Permission>" + what + "</Permission></Grant>"; }

const std::string kMine = Grant("<ID>me</ID><DisplayName>n</DisplayName>", "FULL_CONTROL");
const std::string kAll = "<URI>http://acs.amazonaws.com/groups/global/AllUsers</URI>", kKnown = "<URI>http://acs.amazonaws.com/groups/global/AuthenticatedUsers</URI>";

std::string AclOf(const std::string& grants) {
  Script script({Xml(Acl(grants))});
  const Result<Properties> access = script.provider->GetAccess(kCtx, "k", true, false);
  REQUIRE(script.seen().size() == 1);
  CHECK(script.seen()[0].target.find("acl") != std::string::npos);
  if (!access.ok()) {
    CHECK(access.code() == Code::kUnsupported);
    CHECK(access.status().detail().operation == "get-access");
    return "none";
  }
  return access->acl;
}

}  // namespace

TEST_CASE("grants that a canned ACL describes, and those that none does") {
  CHECK(AclOf(kMine) == "private");
  CHECK(AclOf(kMine + Grant(kAll, "READ")) == "public-read");
  CHECK(AclOf(kMine + Grant(kAll, "WRITE") + Grant(kAll, "READ")) == "public-read-write");
  CHECK(AclOf(Grant(kKnown, "READ") + kMine) == "authenticated-read");
  CHECK(AclOf(kMine + Grant("<ID>somebody</ID>", "READ")) == "none");
  CHECK(AclOf(kMine + Grant(kAll, "READ_ACP")) == "none");
  CHECK(AclOf(Grant("<ID>somebody</ID>", "FULL_CONTROL")) == "none");
  CHECK(AclOf({}) == "none");
}

TEST_CASE("tags, and an object without any") {
  Script script({Xml("<Tagging><TagSet><Tag><Key>a &amp; b</Key><Value>1</Value></Tag><Tag><Key>empty</Key><Value/></Tag></TagSet></Tagging>"), Error(404, "NoSuchTagSet"),
                 Xml("<Tagging><TagSet/></Tagging>"), Xml("<Tagging><TagSet><Tag>"), Error(404, "NoSuchKey")});
  const Result<Properties> some = script.provider->GetAccess(kCtx, "k", false, true);
  REQUIRE_MESSAGE(some.ok(), some.status().ToString());
  CHECK(some->tags == std::map<std::string, std::string>{{"a & b", "1"}, {"empty", ""}});
  CHECK(some->acl.empty());
  for (int i = 0; i < 2; ++i) CHECK(script.provider->GetAccess(kCtx, "k", false, true)->tags.empty());
  CHECK(script.provider->GetAccess(kCtx, "k", false, true).code() == Code::kUnavailable);
  CHECK(script.provider->GetAccess(kCtx, "k", false, true).code() == Code::kNotFound);
}

TEST_CASE("what is not asked for costs no request, and what a vendor has not is unsupported") {
  Script aws({Xml(Acl(kMine))});
  CHECK(aws.provider->GetAccess(kCtx, "k", false, false).ok());
  CHECK(aws.seen().empty());
  Script r2({Xml(Acl(kMine))}, "r2");
  CHECK(r2.provider->GetAccess(kCtx, "k", true, false).code() == Code::kUnsupported);
  CHECK(r2.provider->GetAccess(kCtx, "k", false, true).code() == Code::kUnsupported);
  CHECK(r2.seen().empty());
}
