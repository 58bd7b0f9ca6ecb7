// mutants.h: providers with one seeded bug each, which the conformance suite must find.
#ifndef FILEFERRY_TESTS_CONFORMANCE_MUTANTS_H_
#define FILEFERRY_TESTS_CONFORMANCE_MUTANTS_H_

#include <functional>
#include <string>
#include <vector>

#include "fileferry/layers.h"

namespace fileferry::conformance {

struct Mutant {
  const char* name;
  const char* bug;
  std::function<ProviderPtr(ProviderPtr)> wrap;
};

const std::vector<Mutant>& Mutants();
std::vector<Mutant> ObjectMutants();  // mutants_objects.cc: Put, Get, Stat, Remove, properties
std::vector<Mutant> OtherMutants();   // mutants_other.cc: listings, uploads, batches, capabilities, keys

template <typename T>
Mutant MutantOf(const char* name, const char* bug) {
  return {name, bug, [](ProviderPtr inner) -> ProviderPtr { return std::make_shared<T>(std::move(inner)); }};
}

}  // namespace fileferry::conformance

#endif  // FILEFERRY_TESTS_CONFORMANCE_MUTANTS_H_
