// Each link of the credential chain, in its order.
#include <doctest/doctest.h>

#include "base/digest.h"
#include "fileferry/sigv4.h"
#include "unit/s3_credentials/credentials_fixture.h"

namespace fileferry::s3 {
namespace {

using testing::Answer;
using testing::ScriptedServer;
using testing::SeenRequest;

constexpr const char* kSecret = "CANARY-SECRET-1234567890";
constexpr const char* kKeysJson = R"({"Code":"Success","AccessKeyId":"AK-JSON","SecretAccessKey":"CANARY-SECRET-1234567890","Token":"CANARY-TOKEN","Expiration":"2099-01-01T00:00:00Z"})";

std::string StsXml(const std::string& action) {
  return "<" + action + "Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><" + action + "Result><Credentials><AccessKeyId>AK-STS</AccessKeyId><SecretAccessKey>" + kSecret +
         "</SecretAccessKey><SessionToken>CANARY-TOKEN</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></" + action + "Result></" + action + "Response>";
}

std::map<std::string, std::string> Form(const std::string& body) {
  std::map<std::string, std::string> form;
  for (auto& [name, value] : ParseQuery(body)) form[name] = value;
  return form;
}

// No message and no origin holds what is secret.
Status Clean(const Result<S3Credentials>& result) {
  const std::string shown = result.ok() ? result.value().origin : result.status().ToString();
  CHECK(shown.find("CANARY") == std::string::npos);
  CHECK(shown.find('\n') == std::string::npos);
  if (!result.ok()) CHECK(shown.back() != '.');
  return result.status();
}

void CheckKeys(const Result<S3Credentials>& result, const std::string& id, const std::string& token, const std::string& origin) {
  REQUIRE(Clean(result).ToString() == "Ok");
  CHECK(result.value().access_key_id == id);
  CHECK(result.value().secret_access_key == kSecret);
  CHECK(result.value().session_token == token);
  CHECK(result.value().origin == origin);
}

TEST_CASE("nothing anywhere: every place is named") {
  Home home;
  const Result<S3Credentials> keys = home.Get();
  REQUIRE(Clean(keys).code() == Code::kUnauthenticated);
  const std::string message(keys.status().message());
  for (const char* place : {"AWS_ACCESS_KEY_ID", "profile default", "~/.aws/credentials", "AWS_WEB_IDENTITY_TOKEN_FILE", "container", "AWS_EC2_METADATA_DISABLED"}) {
    CHECK(message.find(place) != std::string::npos);
  }
}

TEST_CASE("the environment") {
  Home home;
  home.Write(".aws/credentials", std::string("[default]\naws_access_key_id = AK-FILE\naws_secret_access_key = ") + kSecret + "\n");
  home.Set("AWS_ACCESS_KEY_ID", "AK-ENV");
  CHECK(Clean(home.Get()).code() == Code::kUnauthenticated);  // half of them
  home.Set("AWS_SECRET_ACCESS_KEY", kSecret);
  CheckKeys(home.Get(), "AK-ENV", "", "environment");
  home.Set("AWS_SECURITY_TOKEN", "CANARY-old");
  CheckKeys(home.Get(), "AK-ENV", "CANARY-old", "environment");
  home.Set("AWS_SESSION_TOKEN", "CANARY-new");
  CheckKeys(home.Get(), "AK-ENV", "CANARY-new", "environment");
  CheckKeys(home.Get("default"), "AK-FILE", "", "profile default in ~/.aws/credentials");  // a named profile comes first
  home.Set("AWS_PROFILE", "default");
  CheckKeys(home.Get(), "AK-ENV", "CANARY-new", "environment");
  home.Set("AWS_CREDENTIAL_EXPIRATION", "2099-01-01T00:00:00Z");
  CHECK(home.Get()->expires.has_value());
  home.Set("AWS_CREDENTIAL_EXPIRATION", "9999-12-31T23:59:59Z");
  CHECK(home.Get()->expires.has_value());
  home.Set("AWS_CREDENTIAL_EXPIRATION", "2001-01-01T00:00:00Z");
  CHECK(Clean(home.Get()).code() == Code::kUnauthenticated);
  home.Set("AWS_CREDENTIAL_EXPIRATION", "soon");
  CHECK(Clean(home.Get()).code() == Code::kUnauthenticated);
  home.Unset("AWS_CREDENTIAL_EXPIRATION");
  home.Set("AWS_ACCESS_KEY_ID", "AK-ENV\n");
  CHECK(Clean(home.Get()).code() == Code::kUnauthenticated);
  home.Set("AWS_ACCESS_KEY_ID", "");
  CHECK(Clean(home.Get()).code() == Code::kUnauthenticated);
  home.Set("AWS_SECRET_ACCESS_KEY", "");
  CheckKeys(home.Get(), "AK-FILE", "", "profile default in ~/.aws/credentials");
}

TEST_CASE("keys in the two files") {
  Home home;
  const std::string keys = std::string("aws_secret_access_key = ") + kSecret + "\naws_access_key_id = ";
  home.Write(".aws/credentials", "[default]\n" + keys + "AK1\n[both]\n" + keys + "AK2\naws_session_token = CANARY-T\n[half]\naws_access_key_id = x\n");
  home.Write(".aws/config", "[profile both]\n" + keys + "AK3\n[profile conf]\n" + keys + "AK4\n[profile bare]\nregion = x\n");
  CheckKeys(home.Get(), "AK1", "", "profile default in ~/.aws/credentials");
  CheckKeys(home.Get("both"), "AK2", "CANARY-T", "profile both in ~/.aws/credentials");
  CheckKeys(home.Get("conf"), "AK4", "", "profile conf in ~/.aws/config");
  CHECK(Clean(home.Get("half")).code() == Code::kUnauthenticated);
  CHECK(Clean(home.Get("bare")).code() == Code::kUnauthenticated);
  const Status missing = Clean(home.Get("nobody"));
  CHECK(missing.code() == Code::kInvalidArgument);
  CHECK(missing.message().find("nobody") != std::string_view::npos);
  home.Set("AWS_DEFAULT_PROFILE", "conf");
  CheckKeys(home.Get(), "AK4", "", "profile conf in ~/.aws/config");
  home.Set("AWS_PROFILE", "both");
  CheckKeys(home.Get(), "AK2", "CANARY-T", "profile both in ~/.aws/credentials");
  home.Set("AWS_PROFILE", "nobody");
  CHECK(Clean(home.Get()).code() == Code::kInvalidArgument);
}

TEST_CASE("credential_process") {
  Home home;
  const auto run = [&](const std::string& command) {
    home.Write(".aws/config", "[profile p]\ncredential_process = " + command + "\n");
    return home.Get("p");
  };
  const std::string json = R"({"Version":1,"AccessKeyId":"AKP","SecretAccessKey":"CANARY-SECRET-1234567890","SessionToken":"CANARY-T","Expiration":"2099-01-01T00:00:00Z"})";
  const std::string file = home.Write("answer.json", json);
  CheckKeys(run("cat \"" + file + "\""), "AKP", "CANARY-T", "credential_process of profile p in ~/.aws/config");
  CHECK(run("cat " + file)->expires.has_value());
  home.Write("answer.json", R"({"Version":1,"AccessKeyId":"AKP","SecretAccessKey":"CANARY-SECRET-1234567890"})");
  CheckKeys(run("cat " + file), "AKP", "", "credential_process of profile p in ~/.aws/config");
  CHECK_FALSE(run("cat " + file)->expires.has_value());
  home.Write("answer.json", R"({"Version":2,"AccessKeyId":"AKP","SecretAccessKey":"CANARY"})");
  CHECK(Clean(run("cat " + file)).code() == Code::kUnauthenticated);
  for (const char* command : {"false", "exit 3", "echo CANARY", "echo '[]'", "echo '{\"Version\":1,\"AccessKeyId\":\"CANARY\"}'", "/nonexistent/program", "kill -9 $$",
                              "head -c 100000 /dev/zero | tr '\\0' x", "echo CANARY >&2; exit 1"}) {
    CHECK(Clean(run(command)).code() == Code::kUnauthenticated);
  }
  // Stopped by its caller; the program does not outlive it.
  const std::string mark = home.path + "/mark";
  home.Write(".aws/config", "[profile p]\ncredential_process = (sleep 2; touch " + mark + ") & sleep 20\n");
  OpContext ctx;
  ctx.deadline = OpContext::Clock::now() + std::chrono::milliseconds(300);
  CHECK(NewCredentialChain(home.options("p"))->Get(ctx).code() == Code::kTimeout);
  ::usleep(2300000);
  CHECK_FALSE(std::filesystem::exists(mark));
}

TEST_CASE("a role, assumed by the keys of another profile") {
  ScriptedServer sts(ScriptedServer::Serve([](const SeenRequest&) { return Answer(200, StsXml("AssumeRole")); }));
  Home home;
  home.Set("AWS_ENDPOINT_URL_STS", sts.url());
  home.Write(".aws/credentials", "[base]\naws_access_key_id = AKBASE\naws_secret_access_key = base-secret\naws_session_token = base-token\n[own]\naws_access_key_id = AKOWN\naws_secret_access_key = s\n");
  home.Write(".aws/config",
             "[profile role]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = base\nexternal_id = e&x=1\nrole_session_name = me\nduration_seconds = 900\nregion = eu-west-3\n"
             "[profile second]\nrole_arn = arn:2\nsource_profile = role\n[profile own]\nrole_arn = arn:3\nsource_profile = own\n"
             "[profile a]\nrole_arn = arn:a\nsource_profile = b\n[profile b]\nrole_arn = arn:b\nsource_profile = a\n"
             "[profile env]\nrole_arn = arn:4\ncredential_source = Environment\n[profile wrong]\nrole_arn = arn:5\ncredential_source = Nowhere\n[profile none]\nrole_arn = arn:6\n"
             "[profile two]\nrole_arn = arn:7\ncredential_source = Environment\nsource_profile = base\n[profile gone]\nrole_arn = arn:8\nsource_profile = nobody\n"
             "[profile mfa]\nrole_arn = arn:9\nsource_profile = base\nmfa_serial = x\n[profile bare]\nregion = x\n[profile keyless]\nrole_arn = arn:10\nsource_profile = bare\n");
  SUBCASE("one step") {
    CheckKeys(home.Get("role"), "AK-STS", "CANARY-TOKEN", "role arn:aws:iam::1:role/r of profile role in ~/.aws/config");
    const SeenRequest seen = sts.seen().at(0);
    const auto form = Form(seen.body);
    CHECK(form.at("Action") == "AssumeRole");
    CHECK(form.at("Version") == "2011-06-15");
    CHECK(form.at("RoleArn") == "arn:aws:iam::1:role/r");
    CHECK(form.at("RoleSessionName") == "me");
    CHECK(form.at("ExternalId") == "e&x=1");
    CHECK(form.at("DurationSeconds") == "900");
    // The signature is what the signer makes of the request that came.
    SigV4Options options;
    options.service = "sts";
    options.region = "eu-west-3";
    options.normalize_path = options.double_encode = true;
    options.signed_body = false;
    SigV4Request request;
    request.method = seen.method;
    request.host = seen.headers.at("host");
    request.path = seen.target;
    request.headers = {{"content-type", seen.headers.at("content-type")}, {"x-amz-date", seen.headers.at("x-amz-date")}, {"x-amz-security-token", seen.headers.at("x-amz-security-token")}};
    request.payload_hash = Sha256Hex(AsBytes(seen.body));
    const std::string date = seen.headers.at("x-amz-date");
    const Time when = ParseIso8601(date.substr(0, 4) + "-" + date.substr(4, 2) + "-" + date.substr(6, 5) + ":" + date.substr(11, 2) + ":" + date.substr(13, 2) + "Z").value();
    const SigV4Signer signer({"AKBASE", "base-secret", "base-token"}, options);
    CHECK(seen.headers.at("authorization").find("Signature=" + signer.Sign(request, when).signature) != std::string::npos);
    CHECK(seen.headers.at("authorization").find("AKBASE/" + date.substr(0, 8) + "/eu-west-3/sts/") != std::string::npos);
    CHECK(seen.headers.at("x-amz-security-token") == "base-token");
  }
  SUBCASE("two steps, and a profile that names itself") {
    CheckKeys(home.Get("second"), "AK-STS", "CANARY-TOKEN", "role arn:2 of profile second in ~/.aws/config");
    CHECK(sts.seen().size() == 2);
    CHECK(sts.seen().at(1).headers.at("x-amz-security-token") == "CANARY-TOKEN");
    CHECK(Form(sts.seen().at(1).body).at("RoleSessionName").substr(0, 10) == "fileferry-");
    CHECK(Form(sts.seen().at(1).body).count("ExternalId") == 0);
    CHECK(home.Get("own").ok());
    CHECK(sts.seen().at(2).headers.at("authorization").find("Credential=AKOWN/") != std::string::npos);
  }
  SUBCASE("keys of the environment") {
    CHECK(Clean(home.Get("env")).code() == Code::kUnauthenticated);
    home.Set("AWS_ACCESS_KEY_ID", "AKE");
    home.Set("AWS_SECRET_ACCESS_KEY", "s");
    CheckKeys(home.Get("env"), "AK-STS", "CANARY-TOKEN", "role arn:4 of profile env in ~/.aws/config");
  }
  SUBCASE("what cannot be") {
    for (const char* profile : {"a", "wrong", "none", "two", "gone"}) CHECK(Clean(home.Get(profile)).code() == Code::kInvalidArgument);
    for (const char* profile : {"mfa", "keyless"}) CHECK(Clean(home.Get(profile)).code() == Code::kUnauthenticated);
    CHECK(home.Get("a").status().message().find("a -> b -> a") != std::string_view::npos);
    CHECK(sts.seen().empty());
  }
}

TEST_CASE("what STS says when it refuses") {
  std::string answer;
  ScriptedServer sts(ScriptedServer::Serve([&](const SeenRequest&) { return answer; }));
  Home home;
  home.Set("AWS_ENDPOINT_URL_STS", sts.url());
  home.Write(".aws/credentials", "[base]\naws_access_key_id = AKBASE\naws_secret_access_key = CANARY-BASE\n");
  home.Write(".aws/config", "[profile role]\nrole_arn = arn:1\nsource_profile = base\n");
  const auto error = [](const char* code, const char* message) {
    return "<ErrorResponse><Error><Type>Sender</Type><Code>" + std::string(code) + "</Code><Message>" + message + "</Message></Error></ErrorResponse>";
  };
  answer = Answer(403, error("AccessDenied", "User: u is not authorized to perform: sts:AssumeRole"));
  Status status = Clean(home.Get("role"));
  CHECK(status.code() == Code::kPermissionDenied);
  CHECK(status.message().find("AccessDenied (User: u is not") != std::string_view::npos);
  answer = Answer(400, error("Odd", "you sent CANARY-BASE"));
  CHECK(Clean(home.Get("role")).code() == Code::kUnauthenticated);
  answer = Answer(503, "");
  CHECK(Clean(home.Get("role")).temporary());
  answer = Answer(400, error("IDPCommunicationError", ""));
  CHECK(Clean(home.Get("role")).temporary());
  answer = Answer(200, "<html>CANARY</html>");
  CHECK(Clean(home.Get("role")).code() == Code::kUnavailable);
  answer = Answer(200, "");
  CHECK(Clean(home.Get("role")).code() == Code::kUnavailable);
  home.Set("AWS_ENDPOINT_URL_STS", "not a url");
  CHECK(Clean(home.Get("role")).code() == Code::kInvalidArgument);
}

TEST_CASE("web identity, by environment and by profile") {
  ScriptedServer sts(ScriptedServer::Serve([](const SeenRequest& seen) {
    return Form(seen.body).at("WebIdentityToken") == "CANARY-BAD" ? Answer(400, "<ErrorResponse><Error><Code>InvalidIdentityToken</Code><Message>CANARY-BAD</Message></Error></ErrorResponse>")
                                                                   : Answer(200, StsXml("AssumeRoleWithWebIdentity"));
  }));
  Home home;
  home.Set("AWS_ENDPOINT_URL_STS", sts.url("/base/"));
  const std::string file = home.Write("token", "jwt.1\n");
  home.Set("AWS_WEB_IDENTITY_TOKEN_FILE", file);
  CHECK(Clean(home.Get()).code() == Code::kInvalidArgument);
  home.Set("AWS_ROLE_ARN", "arn:web");
  home.Set("AWS_ROLE_SESSION_NAME", "session");
  CheckKeys(home.Get(), "AK-STS", "CANARY-TOKEN", "web identity, role arn:web of the environment");
  const SeenRequest seen = sts.seen().at(0);
  CHECK(seen.target == "/base/");
  CHECK(seen.headers.count("authorization") == 0);
  CHECK(Form(seen.body).at("Action") == "AssumeRoleWithWebIdentity");
  CHECK(Form(seen.body).at("WebIdentityToken") == "jwt.1");
  CHECK(Form(seen.body).at("RoleSessionName") == "session");
  home.Write("token", "jwt.2");  // the file is read again each time
  CHECK(home.Get().ok());
  CHECK(Form(sts.seen().at(1).body).at("WebIdentityToken") == "jwt.2");
  home.Write("token", "CANARY-BAD");
  CHECK(Clean(home.Get()).code() == Code::kUnauthenticated);
  home.Write("token", " \n");
  CHECK(Clean(home.Get()).code() == Code::kUnauthenticated);
  home.Unset("AWS_WEB_IDENTITY_TOKEN_FILE");
  home.Write("token", "jwt.3");
  home.Write(".aws/config", "[profile web]\nrole_arn = arn:p\nweb_identity_token_file = " + file + "\n[profile gone]\nrole_arn = arn:p\nweb_identity_token_file = /nonexistent\n");
  CheckKeys(home.Get("web"), "AK-STS", "CANARY-TOKEN", "role arn:p of profile web in ~/.aws/config");
  CHECK(Clean(home.Get("gone")).code() == Code::kUnauthenticated);
}

TEST_CASE("a container") {
  std::atomic<int> failures{0};
  ScriptedServer server(ScriptedServer::Serve([&](const SeenRequest& seen) {
    if (failures > 0) {
      --failures;
      return Answer(500, "");
    }
    const auto token = seen.headers.find("authorization");
    if (token == seen.headers.end() || token->second != "Bearer CANARY") return Answer(401, "{}");
    return Answer(200, kKeysJson);
  }));
  Home home;
  home.Set("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url("/creds?x=1"));
  CHECK(Clean(home.Get()).code() == Code::kUnauthenticated);
  home.Set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Bearer CANARY");
  CheckKeys(home.Get(), "AK-JSON", "CANARY-TOKEN", "container credentials");
  CHECK(server.seen().back().target == "/creds?x=1");
  home.Set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Bearer CANARY\r\nX: y");
  CHECK(Clean(home.Get()).code() == Code::kUnauthenticated);
  home.Set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", home.path + "/missing");
  CHECK(Clean(home.Get()).code() == Code::kUnauthenticated);
  home.Set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", home.Write("token", "Bearer CANARY\n"));
  failures = 2;
  CheckKeys(home.Get(), "AK-JSON", "CANARY-TOKEN", "container credentials");
  failures = 3;
  CHECK(Clean(home.Get()).temporary());
  const std::size_t before = server.seen().size();
  const std::string port = ":" + std::to_string(server.port());
  for (const std::string& bad : {std::string("http://example.com/x"), std::string("http://169.254.169.254/x"), std::string("ftp://127.0.0.1/"), std::string("http://127.0.0.1.example.com/"),
                                 std::string("http://127.0.0.999/"), std::string("nonsense"), std::string("http://user@10.0.0.1") + port}) {
    home.Set("AWS_CONTAINER_CREDENTIALS_FULL_URI", bad);
    CHECK(Clean(home.Get()).code() == Code::kInvalidArgument);
  }
  CHECK(server.seen().size() == before);
}

TEST_CASE("instance metadata") {
  int token_status = 200;
  std::string roles = "the-role\n";
  int roles_status = 200;
  std::string keys = kKeysJson;
  bool silent = false;
  std::atomic<int> requests{0};
  ScriptedServer server([&](ScriptedServer::Connection& connection) {
    SeenRequest seen;
    while (connection.ReadRequest(&seen)) {
      ++requests;
      if (silent) return connection.Sleep(10000);
      const bool has_token = seen.headers.count("x-aws-ec2-metadata-token") == 1 && seen.headers["x-aws-ec2-metadata-token"] == "CANARY-T";
      if (seen.method == "PUT" && seen.target == "/latest/api/token") {
        connection.Send(seen.headers["x-aws-ec2-metadata-token-ttl-seconds"] == "21600" ? Answer(token_status, token_status == 200 ? "CANARY-T" : "no") : Answer(400, ""));
      } else if (token_status == 200 && !has_token) {
        connection.Send(Answer(401, ""));
      } else if (seen.target == "/latest/meta-data/iam/security-credentials/") {
        connection.Send(Answer(roles_status, roles));
      } else if (seen.target == "/latest/meta-data/iam/security-credentials/the-role") {
        connection.Send(Answer(200, keys));
      } else {
        connection.Send(Answer(404, ""));
      }
    }
  });
  Home home;
  home.Unset("AWS_EC2_METADATA_DISABLED");
  home.Set("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url("/"));
  SUBCASE("version 2") {
    CheckKeys(home.Get(), "AK-JSON", "CANARY-TOKEN", "instance metadata, role the-role");
    CHECK(requests.load() == 3);
  }
  SUBCASE("version 1 where version 2 is not there, unless it is forbidden") {
    for (int status : {403, 404, 405}) {
      token_status = status;
      CheckKeys(home.Get(), "AK-JSON", "CANARY-TOKEN", "instance metadata, role the-role");
    }
    home.Set("AWS_EC2_METADATA_V1_DISABLED", "true");
    CHECK(Clean(home.Get()).code() == Code::kUnauthenticated);
    token_status = 500;
    home.Unset("AWS_EC2_METADATA_V1_DISABLED");
    CHECK(Clean(home.Get()).code() == Code::kUnauthenticated);
  }
  SUBCASE("no role, odd answers") {
    roles_status = 404;
    CHECK(Clean(home.Get()).code() == Code::kUnauthenticated);
    roles_status = 200;
    roles = "";
    CHECK(Clean(home.Get()).code() == Code::kUnauthenticated);
    roles = "the-role";
    for (const char* bad : {"not json CANARY", "{\"Code\":\"Failed\",\"Message\":\"CANARY\"}", "{}", "{\"AccessKeyId\":\"CANARY\"}",
                            "{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"CANARY\",\"Expiration\":\"CANARY\"}", "[1]", "{\"AccessKeyId\":\"a\\nCANARY\",\"SecretAccessKey\":\"s\"}"}) {
      keys = bad;
      CHECK_FALSE(Clean(home.Get()).ok());
    }
  }
  SUBCASE("not asked where it is off, or the endpoint is not AWS's") {
    CredentialOptions options = home.options();
    options.custom_endpoint = true;
    CHECK(Clean(NewCredentialChain(options)->Get({})).code() == Code::kUnauthenticated);
    CHECK(requests.load() == 0);
    options.instance_metadata = true;
    CHECK(NewCredentialChain(options)->Get({}).ok());
    home.Set("AWS_EC2_METADATA_DISABLED", "TRUE");
    CHECK_FALSE(home.Get().ok());
    CHECK(requests.load() == 3);
  }
  SUBCASE("silence costs about a second for each request, and the answer is remembered") {
    silent = true;
    const auto start = std::chrono::steady_clock::now();
    const std::shared_ptr<IS3CredentialSource> source = NewCredentialChain(home.options());
    CHECK(source->Get({}).code() == Code::kUnauthenticated);
    const int asked = requests.load();
    for (int i = 0; i < 50; ++i) CHECK(source->Get({}).code() == Code::kUnauthenticated);
    CHECK(requests.load() == asked);
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
  }
  SUBCASE("as the source of a role") {
    ScriptedServer sts(ScriptedServer::Serve([](const SeenRequest&) { return Answer(200, StsXml("AssumeRole")); }));
    home.Set("AWS_ENDPOINT_URL_STS", sts.url());
    home.Write(".aws/config", "[profile r]\nrole_arn = arn:1\ncredential_source = Ec2InstanceMetadata\n");
    CheckKeys(home.Get("r"), "AK-STS", "CANARY-TOKEN", "role arn:1 of profile r in ~/.aws/config");
    CHECK(sts.seen().at(0).headers.at("authorization").find("Credential=AK-JSON/") != std::string::npos);
  }
}

TEST_CASE("SSO with a token that is cached") {
  ScriptedServer portal(ScriptedServer::Serve([](const SeenRequest& seen) {
    if (seen.headers.at("x-amz-sso_bearer_token") != "CANARY-SSO") return Answer(401, "{}");
    return Answer(200, R"({"roleCredentials":{"accessKeyId":"AK-SSO","secretAccessKey":"CANARY-SECRET-1234567890","sessionToken":"CANARY-T","expiration":4070908800000}})");
  }));
  Home home;
  home.Set("AWS_ENDPOINT_URL_SSO", portal.url());
  home.Write(".aws/config",
             "[profile s]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = Read Only\n[sso-session corp]\nsso_start_url = https://corp.example/start\nsso_region = eu-west-1\n"
             "[profile old]\nsso_start_url = https://corp.example/start\nsso_region = eu-west-1\nsso_account_id = 1\nsso_role_name = r\n[profile half]\nsso_session = corp\n[profile lost]\nsso_session = x\n");
  CHECK(Clean(home.Get("half")).code() == Code::kInvalidArgument);
  CHECK(Clean(home.Get("lost")).code() == Code::kInvalidArgument);
  Status status = Clean(home.Get("s"));
  CHECK(status.code() == Code::kUnauthenticated);
  CHECK(status.message().find("aws sso login --profile s") != std::string_view::npos);
  const std::string token = R"({"accessToken":"CANARY-SSO","expiresAt":"2099-01-01T00:00:00Z"})";
  // sha1("corp"), sha1("https://corp.example/start")
  home.Write(".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json", token);
  CheckKeys(home.Get("s"), "AK-SSO", "CANARY-T", "SSO, role Read Only of profile s in ~/.aws/config");
  CHECK(portal.seen().at(0).target == "/federation/credentials?role_name=Read%20Only&account_id=1");
  CHECK(home.Get("s")->expires == Time(std::chrono::seconds(4070908800)));
  CHECK_FALSE(home.Get("old").ok());
  home.Write(".aws/sso/cache/f7c9b39d0b4c7a7d82c79307585f77e1c5e74378.json", token);
  CheckKeys(home.Get("old"), "AK-SSO", "CANARY-T", "SSO, role r of profile old in ~/.aws/config");
  for (const char* bad : {"CANARY", "{}", R"({"accessToken":"CANARY-SSO","expiresAt":"2001-01-01T00:00:00UTC"})", R"({"accessToken":"CANARY","expiresAt":"2099-01-01T00:00:00Z"})"}) {
    home.Write(".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json", bad);
    status = Clean(home.Get("s"));
    CHECK(status.code() == Code::kUnauthenticated);
    CHECK(status.message().find("aws sso login") != std::string_view::npos);
  }
}

TEST_CASE("fixed keys") {
  const auto fixed = NewStaticCredentials("AK", "CANARY", "CANARY-T", "config/storage.yml:3");
  fixed->Invalidate();
  const Result<S3Credentials> keys = fixed->Get({});
  REQUIRE(Clean(keys).ok());
  CHECK(keys->access_key_id == "AK");
  CHECK(keys->session_token == "CANARY-T");
  CHECK_FALSE(keys->anonymous());
  CHECK(NewAnonymousCredentials()->Get({})->anonymous());
}

}  // namespace
}  // namespace fileferry::s3
