// credentials_chain.h: one walk along the chain of credential sources, nothing kept.  Blocks; any thread.
#ifndef FILEFERRY_PROVIDERS_S3_CREDENTIALS_CHAIN_H_
#define FILEFERRY_PROVIDERS_S3_CREDENTIALS_CHAIN_H_

#include "providers/s3/credentials.h"

namespace fileferry::s3 {

Result<S3Credentials> FetchFromChain(const CredentialOptions& options, const OpContext& op);

}  // namespace fileferry::s3

#endif  // FILEFERRY_PROVIDERS_S3_CREDENTIALS_CHAIN_H_
