// Mistakes: of the model, of the data, of the call. Each is a status and a report; none ends the host.

#include "tests/capi/support.h"

using Catch::Contains;
using namespace host;

TEST_CASE("diagnostics are data") {
  const auto model = lvm::Model::compile("model m {\n  data y: real\n  P(y) = Normal(mu, sd: 1)\n}\n");
  REQUIRE_FALSE(model);
  CHECK(model.error().status() == LVM_INVALID);
  REQUIRE_FALSE(model.error().messages().empty());
  const lvm::Message& message = model.error().messages().front();
  CHECK(message.error);
  CHECK(message.line == 3);
  CHECK(message.column == 17);
  CHECK(message.code.front() == 'E');
  CHECK_THAT(model.error().text(), Contains(message.code) && Contains("model.lvm:3:17"));
  CHECK_THAT(model.error().json(), Contains(message.code));
  CHECK(lvm::explain(message.code));
  CHECK_FALSE(lvm::explain("E9999"));
  const auto nowhere = lvm::Model::compile_file("no_such_model.lvm");
  REQUIRE_FALSE(nowhere);
  CHECK(nowhere.error().status() == LVM_FILES);
}

TEST_CASE("errors of data name column, row and cell") {
  const lvm::Model model = gmm(2);
  std::vector<double> a = column(faithful(), 2, 0), b = column(faithful(), 2, 1);
  b[7] = INFINITY;
  const auto infinite = model.fit(must(lvm::Table::over({{"eruptions", a}, {"waiting", b}})));
  REQUIRE_FALSE(infinite);
  const lvm::Message& message = infinite.error().messages().front();
  CHECK(message.column_name == "waiting");
  CHECK(message.row == 8);
  const auto none = model.fit(
      must(lvm::Table::over({{"eruptions", std::vector<double>()}, {"waiting", std::vector<double>()}})));
  REQUIRE_FALSE(none);
  CHECK(none.error().status() == LVM_INVALID);

  const lvm::Fit fit = must(model.fit(faithful_table()));
  const auto other = fit.score(must(lvm::Table::over({{"eruptions", a}})));
  REQUIRE_FALSE(other);
  CHECK_THAT(other.error().text(), Contains("has no column `waiting`"));
  const auto scorer = fit.scorer({"eruptions", "weight"});
  REQUIRE_FALSE(scorer);
  CHECK_THAT(scorer.error().text(), Contains("`waiting`"));
  const lvm::Scorer rows = must(fit.scorer());
  CHECK_FALSE(rows(std::vector<double>{INFINITY, 1}));
}

TEST_CASE("cells that no double holds, and that stand where no number may, are refused") {
  const std::vector<int64_t> wide = {1, (int64_t{1} << 53) + 1};
  const auto table = lvm::Table::over({{"n", wide}});
  REQUIRE_FALSE(table);
  CHECK(table.error().status() == LVM_USAGE);
  CHECK_THAT(table.error().text(), Contains("`n`") && Contains("2^53") && Contains("row 2"));
  const std::vector<double> cells(4);
  lvm::Column askew("x", cells);
  askew.values = reinterpret_cast<const char*>(cells.data()) + 1;
  askew.rows = 3;
  CHECK_FALSE(lvm::Table::over({askew}));
  lvm::Column coded("c", std::vector<int32_t>{0, 1, 2});
  const std::vector<int32_t> codes = {0, 1, 2};
  coded.values = codes.data();
  coded.levels = {"a", "b"};
  CHECK_FALSE(lvm::Table::over({coded}));
}

TEST_CASE("calls with nothing are told so") {
  lvm_report* report = nullptr;
  lvm_model* model = nullptr;
  CHECK(lvm_model_compile(nullptr, nullptr, 0, &model, &report) == LVM_USAGE);
  CHECK(model == nullptr);
  CHECK_THAT(lvm_report_text(report), Contains("`text` is NULL"));
  lvm_report_free(report);
  CHECK(lvm_model_compile("", nullptr, 0, nullptr, nullptr) == LVM_USAGE);
  CHECK(lvm_model_compile("model", nullptr, 3, &model, nullptr) == LVM_USAGE);
  lvm_table* table = nullptr;
  CHECK(lvm_table_make(nullptr, 2, 3, &table, nullptr) == LVM_USAGE);
  CHECK(lvm_table_make(nullptr, 0, -1, &table, nullptr) == LVM_USAGE);
  CHECK(lvm_model_fit(nullptr, nullptr, nullptr, nullptr, nullptr) == LVM_USAGE);
  lvm_fit* fit = nullptr;
  lvm_fit_options options{};  // not filled
  CHECK(lvm_model_fit(model, table, &options, &fit, nullptr) == LVM_USAGE);
  CHECK(lvm_fit_load(nullptr, &fit, nullptr) == LVM_USAGE);
  CHECK(lvm_fit_load("no_such.lvmfit", &fit, nullptr) == LVM_FILES);
  CHECK(lvm_fit_score(nullptr, nullptr, 0, nullptr, nullptr, nullptr) == LVM_USAGE);
  CHECK(lvm_fit_update(nullptr, nullptr, 1, nullptr) == LVM_USAGE);
  CHECK(lvm_scorer_score(nullptr, nullptr, nullptr, nullptr) == LVM_USAGE);
  CHECK(lvm_fit_parameter(nullptr, 0, nullptr, nullptr, 0) == LVM_USAGE);
  CHECK(lvm_report_message(nullptr, 0, nullptr) == LVM_USAGE);
  CHECK(lvm_fit_metric(nullptr, nullptr) == nullptr);
  CHECK(lvm_result_values(nullptr, 0) == nullptr);
  lvm_model_free(nullptr);
  lvm_table_free(nullptr);
  lvm_fit_free(nullptr);
  lvm_scorer_free(nullptr);
  lvm_result_free(nullptr);
  lvm_report_free(nullptr);
  lvm_string_free(nullptr);
  CHECK(lvm_api_version() == LVM_API_VERSION);
}
