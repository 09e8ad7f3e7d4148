#pragma once
// Models as text, certified on random rows or on those of a table.

#include <catch2/catch.hpp>
#include <string>

#include "api/lvm.h"

namespace lvm::certified {

/// A mixture of two around what differs; `given`: ", x" where the factors read it.
inline std::string mixture(const std::string& declarations, const std::string& factors,
                           const std::string& given = "") {
  return "model m {\n  axis K = 2\n  " + declarations +
         "\n  param weight: simplex[K]\n  latent z: category[K]\n  P(z) = Categorical(weight)\n  " + factors +
         "\n  q(z | y" + given + ") = exact\n}\n";
}

inline Model compiled(const std::string& text) {
  Model model = compile(text);
  INFO(text << model.report().render());
  REQUIRE(model.ok());
  return model;
}

/// Every certificate holds, and none is open.
inline void check_all(const Certification& found) {
  INFO(found.report.render());
  CHECK(found.ok());
  CHECK_FALSE(found.certificates.empty());
  for (const Certificate& c : found.certificates) {
    INFO(c.name << ", " << c.solver << ": " << c.claim << "; " << c.place);
    CHECK(c.verdict == "certified");
    if (c.claim == "held") continue;
    CHECK(c.checked > 0);
    CHECK(c.found <= c.allowed);
  }
}

}  // namespace lvm::certified
