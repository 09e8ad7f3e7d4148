// What certificates say, and where they cannot be made.

#include <nlohmann/json.hpp>

#include "certify/report.h"
#include "support.h"
#include "tests/support/golden.h"

namespace lvm::certified {
namespace {

void check(const std::string& name, const std::string& text) {
  golden::check(golden::folder("certify") / (name + ".expected"), text);
}

std::string reported(const certificate::Certificate& c) {
  Diagnostics diagnostics;
  certificate::report(c, diagnostics);
  return render_all(diagnostics, nullptr);
}

}  // namespace

TEST_CASE("a certificate that fails is an error, one that is open a warning") {
  certificate::Certificate c{.block = "cov", .solver = ir::Solver::scatter, .claim = "Q is at its top"};
  CHECK(reported(c).empty());
  c.found = 1.25e-3;
  c.allowed = 2.56e-9;
  c.place = "element 3: slope 0.5, curvature -100";
  c.verdict = certificate::Verdict::failed;
  check("failed", reported(c));
  c.place = "a fit of these rows has not converged within 20000 iterations";
  c.verdict = certificate::Verdict::open;
  check("open", reported(c));
}

TEST_CASE("a model that random rows do not fit asks for a table") {
  const Model model = compiled(
      "model m {\n  data y: real\n  param m: real\n"
      "  P(y) = Truncated(Normal(m, sd: 1), low: 1000, high: 1001)\n}\n");
  const Certification found = certify(model);
  CHECK_FALSE(found.ok());
  CHECK(found.certificates.empty());
  check("without_rows", found.report.render());
  const Certification again = certify(model, {.seed = 2});
  CHECK_FALSE(again.ok());
}

TEST_CASE("a model or a table with errors has no certificates, and its own messages") {
  const Model broken = compile("model m { data y: real P(y) = Normal(m, sd: 1) }");
  const Certification found = certify(broken);
  CHECK_FALSE(found.ok());
  CHECK(found.certificates.empty());
  CHECK(found.report.messages().front().code == broken.report().messages().front().code);
}

TEST_CASE("certificates as JSON") {
  const Model model = compiled("model m {\n  data y: real\n  param a: real\n  P(y) = Normal(a, sd: 1)\n}\n");
  const auto json = nlohmann::json::parse(to_json(certify(model)));
  CHECK(json["ok"] == true);
  CHECK(json["random"] == true);
  CHECK(json["rows"] == 256);
  REQUIRE(json["certificates"].size() == 2);
  CHECK(json["certificates"][0]["block"] == "rows");
  CHECK(json["certificates"][1]["block"] == "a");
  CHECK(json["certificates"][1]["verdict"] == "certified");
  CHECK(json["certificates"][1]["all"] == 1);
}

TEST_CASE("every code of certificates has a golden file") {
  std::string all;
  for (const auto& path : golden::files(golden::folder("certify"), ".expected")) all += golden::read(path);
  int codes = 0;
  for (const CodeRow& row : all_codes()) {
    if (row.code.substr(1, 2) != "08") continue;
    ++codes;
    INFO(row.code);
    CHECK(all.find("[" + std::string(row.code) + "]") != std::string::npos);
  }
  CHECK(codes == 3);
}

}  // namespace lvm::certified
