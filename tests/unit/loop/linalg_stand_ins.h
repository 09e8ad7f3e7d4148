#pragma once
// Plain stand-ins for the linear algebra of the run time, so that these tests link no more than they test.

#include <map>
#include <string>

namespace lvm::test {

std::map<std::string, void*> linalg_symbols();

}  // namespace lvm::test
