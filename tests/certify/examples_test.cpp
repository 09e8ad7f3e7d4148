// Certificates of every model in examples/, on its data and on random rows.

#include <filesystem>

#include "support.h"
#include "tests/support/golden.h"

namespace lvm::certified {
namespace {

/// The table that the first lines of the model name; the Gaussian ones are for Old Faithful.
std::string table_of(const std::string& text) {
  const std::string folder = "examples/data/", extension = ".csv";
  const size_t begin = text.find(folder);
  if (begin == std::string::npos) return folder + "faithful" + extension;
  return text.substr(begin, text.find(extension, begin) + extension.size() - begin);
}

}  // namespace

TEST_CASE("every example is certified") {
  const std::filesystem::path folder = std::filesystem::path(LVM_SOURCE_DIR) / "examples";
  for (const auto& path : golden::files(folder, ".lvm")) {
    INFO(path.string());
    const Model model = compile_file(path.string());
    REQUIRE(model.ok());
    const Data data = read_data(std::string(LVM_SOURCE_DIR) + "/" + table_of(golden::read(path)));
    const BoundModel bound = bind(model, data);
    INFO(bound.report().render());
    REQUIRE(bound.ok());
    check_all(certify(bound));
    check_all(certify(model));
  }
}

TEST_CASE("certificates are found on any backend, and are the same for the same seed") {
  const Model model = compile_file(std::string(LVM_SOURCE_DIR) + "/examples/gmm.lvm");
  const Certification a = certify(model, {.seed = 5}), b = certify(model, {.seed = 5});
  check_all(a);
  REQUIRE(a.certificates.size() == b.certificates.size());
  for (size_t i = 0; i < a.certificates.size(); ++i)
    CHECK(a.certificates[i].found == b.certificates[i].found);
  check_all(certify(model, {.seed = 5, .backend = Backend::interpreter}));
}

}  // namespace lvm::certified
