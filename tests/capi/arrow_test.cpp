// Record batches by the Arrow C data interface, built by hand as its specification says.

#include <memory>

#include "tests/capi/support.h"

using Catch::Contains;
using namespace host;

namespace {

/// A batch that counts how often each of its structs is released.
struct Batch {
  struct Child {
    ArrowSchema schema{};
    ArrowArray array{};
    std::vector<const void*> buffers;
  };
  ArrowSchema schema{};
  ArrowArray array{};
  std::vector<std::unique_ptr<Child>> children;
  std::vector<ArrowSchema*> schemas;
  std::vector<ArrowArray*> arrays;
  const void* none[1] = {nullptr};
  int released_schemas = 0, released_arrays = 0;

  Child& add(const char* format, const char* name, int64_t offset, std::vector<const void*> buffers,
             int64_t nulls = 0) {
    children.push_back(std::make_unique<Child>());
    Child& c = *children.back();
    c.buffers = std::move(buffers);
    c.schema.format = format;
    c.schema.name = name;
    c.array.offset = offset;
    c.array.null_count = nulls;
    c.array.n_buffers = std::ssize(c.buffers);
    c.array.buffers = c.buffers.data();
    return c;
  }
  void finish(int64_t rows, int64_t offset = 0) {
    for (const auto& c : children) {
      c->array.length = rows + offset;
      schemas.push_back(&c->schema);
      arrays.push_back(&c->array);
    }
    schema.format = "+s";
    schema.n_children = array.n_children = std::ssize(children);
    schema.children = schemas.data();
    array.children = arrays.data();
    array.length = rows;
    array.offset = offset;
    array.n_buffers = 1;
    array.buffers = none;
    schema.private_data = array.private_data = this;
    schema.release = [](ArrowSchema* s) {
      ++static_cast<Batch*>(s->private_data)->released_schemas;
      s->release = nullptr;
    };
    array.release = [](ArrowArray* a) {
      ++static_cast<Batch*>(a->private_data)->released_arrays;
      a->release = nullptr;
    };
  }
};

constexpr const char* survey = R"(model m {
  axis K = 2
  axis V = levels
  data c: category[V] missing
  data b: bool
  data x: real
  param weight: simplex[K]
  param p: simplex[K, V]
  param t: unit[K]
  param mean: real[K]
  param sd: positive
  latent z: category[K]
  P(z) = Categorical(weight)
  P(c | z) = Categorical(p[z])
  P(b | z) = Bernoulli(t[z])
  P(x | z) = Normal(mean[z], sd: sd)
  q(z | c, b, x) = exact
}
)";

const std::vector<std::string> words = {"often", "never", "often", "", "seldom", "never", "never", "often"};
const std::vector<double> numbers = {0.4, 5.1, 0.2, 0.6, 4.8, 5.3, 4.9, 0.1};
const uint8_t flags[] = {0b10110001};
const uint8_t valid[] = {0b11110111};

lvm::Fit fitted(const lvm::Table& table) {
  return must(must(lvm::Model::compile(survey)).fit(table, {.iterations = 20}));
}

}  // namespace

TEST_CASE("texts, dictionaries and booleans of Arrow are what the same columns of a host are") {
  const std::vector<std::string> levels = {"never", "often", "seldom"};
  std::vector<int32_t> codes = {1, 0, 1, 0, 2, 0, 0, 1};
  std::vector<uint8_t> bools;
  for (size_t i = 0; i < 8; ++i) bools.push_back(flags[0] >> i & 1);
  lvm::Column c("c", codes);
  c.validity = valid;
  c.levels = levels;
  const lvm::Fit plain =
      fitted(must(lvm::Table::over({c, lvm::Column("b", bools), lvm::Column("x", numbers)})));

  std::string bytes;
  std::vector<int32_t> offsets = {0};
  for (const std::string& word : words) {
    bytes += word;
    offsets.push_back(static_cast<int32_t>(bytes.size()));
  }
  Batch texts;
  texts.add("u", "c", 0, {valid, offsets.data(), bytes.data()}, 1);
  texts.add("b", "b", 0, {nullptr, flags});
  texts.add("g", "x", 0, {nullptr, numbers.data()});
  texts.finish(8);
  {
    const lvm::Table table = must(lvm::Table::from_arrow(&texts.schema, &texts.array));
    CHECK(texts.schema.release == nullptr);  // moved
    CHECK(table.rows() == 8);
    const lvm::Fit fit = fitted(table);
    CHECK(fit.parameter("p")->values == plain.parameter("p")->values);
    CHECK(fit.parameter("t")->values == plain.parameter("t")->values);
    CHECK(texts.released_arrays == 0);
  }
  CHECK(texts.released_arrays == 1);
  CHECK(texts.released_schemas == 1);

  // A dictionary, of which the batch is a slice from its second row.
  const std::vector<int8_t> indices = {9, 1, 0, 1, 0, 2, 0, 0, 1};
  const std::vector<double> shifted = {-1, -1, 0.4, 5.1, 0.2, 0.6, 4.8, 5.3, 4.9, 0.1};
  const uint8_t valid_behind[] = {0b11101110, 1}, flags_behind[] = {0b01100010, 1};
  const std::string joined = "neveroftenseldom";
  const int32_t at[] = {0, 5, 10, 16};
  ArrowSchema text_schema{};
  text_schema.format = "u";
  ArrowArray text_array{};
  const void* text_buffers[] = {nullptr, at, joined.data()};
  text_array.length = 3;
  text_array.n_buffers = 3;
  text_array.buffers = text_buffers;
  Batch slice;
  Batch::Child& child = slice.add("c", "c", 0, {valid_behind, indices.data()}, -1);
  child.schema.dictionary = &text_schema;
  child.array.dictionary = &text_array;
  slice.add("b", "b", 0, {nullptr, flags_behind});
  slice.add("g", "x", 1, {nullptr, shifted.data()});
  slice.finish(8, 1);
  slice.children[2]->array.length = 9;
  {
    const lvm::Table table = must(lvm::Table::from_arrow(&slice.schema, &slice.array));
    CHECK(fitted(table).parameter("p")->values == plain.parameter("p")->values);
  }
  CHECK(slice.released_arrays == 1);
}

TEST_CASE("what Arrow brings and lvm does not read is refused by name, and released") {
  const double cells[] = {1, 2};
  Batch dates;
  dates.add("tdD", "day", 0, {nullptr, cells});
  dates.finish(2);
  const auto table = lvm::Table::from_arrow(&dates.schema, &dates.array);
  REQUIRE_FALSE(table);
  CHECK_THAT(table.error().text(), Contains("`day`") && Contains("tdD"));
  CHECK(dates.released_arrays == 1);
  CHECK(dates.released_schemas == 1);
  CHECK_FALSE(lvm::Table::from_arrow(&dates.schema, &dates.array));  // released before
  CHECK(dates.released_arrays == 1);
  Batch single;
  single.finish(2);
  single.schema.format = "g";
  CHECK_FALSE(lvm::Table::from_arrow(&single.schema, &single.array));
  CHECK(single.released_arrays == 1);
}
