// Convolutions: values against windows of a padded image, each op against its adjoints, derivatives against
// central differences.

#include <fmt/format.h>

#include <cmath>

#include "ir/passes/differentiate.h"
#include "ir/tensor/convolution.h"
#include "tests/unit/tensor/support.h"

using namespace lvm;
using namespace lvm::ir;
using namespace lvm::test;

namespace {

struct Case {
  int64_t rows, columns, kernel, stride, top, left, out_rows, out_columns;
};

// same and valid, with a stride, explicit zeros, a filter as large as the image, rows of the image that no
// window reaches.
const std::vector<Case> cases = {{4, 5, 3, 1, 1, 1, 4, 5}, {5, 4, 3, 2, 1, 0, 3, 2}, {5, 6, 2, 1, 0, 0, 4, 5},
                                 {4, 4, 3, 2, 0, 0, 2, 2}, {3, 3, 3, 1, 0, 0, 1, 1}, {6, 7, 2, 3, 0, 0, 2, 2},
                                 {3, 4, 3, 1, 2, 2, 5, 6}, {5, 5, 1, 2, 0, 0, 3, 3}};

constexpr int64_t channels = 2, filters = 3;

/// Functions "f" over x[row, sample, c, h, w] and so on. `sample` is a second batch axis, in front of the
/// image's for x and g alone.
Module module_for(const Case& c) {
  return parse_module(
      fmt::format("module \"t\" level step\naxis row rows\naxis sample 2\naxis c {}\naxis h {}\naxis w "
                  "{}\naxis o {}\naxis oh {}\naxis ow {}\naxis kh {}\naxis kw {}\n"
                  "function \"f\" plain\nend\n",
                  channels, c.rows, c.columns, filters, c.out_rows, c.out_columns, c.kernel, c.kernel));
}

enum : AxisId { row_a, sample_a, c_a, h_a, w_a, o_a, oh_a, ow_a, kh_a, kw_a };

Attributes forward(const Case& c) {
  return attributes_of({{c_a, h_a, w_a}, {o_a, oh_a, ow_a}, kh_a, kw_a, c.stride, c.top, c.left});
}

struct Leaves {
  NodeId x, g, filters;
};

Leaves leaves_of(Builder& b) {
  return {b.leaf(Op::parameter, "x", {Element::real, {row_a, sample_a, c_a, h_a, w_a}}),
          b.leaf(Op::parameter, "g", {Element::real, {row_a, o_a, oh_a, ow_a}}),
          b.leaf(Op::parameter, "filters", {Element::real, {c_a, o_a, kh_a, kw_a}})};
}

size_t at(std::initializer_list<std::pair<int64_t, int64_t>> index_of_size) {
  int64_t offset = 0;
  for (const auto& [index, size] : index_of_size) offset = offset * size + index;
  return static_cast<size_t>(offset);
}

/// An image with so many zeros in front and as many behind that every window is inside.
std::vector<double> padded(const Case& c, const std::vector<double>& image, int64_t& width) {
  const int64_t height = (c.out_rows - 1) * c.stride + c.kernel + c.rows;
  width = (c.out_columns - 1) * c.stride + c.kernel + c.columns;
  std::vector<double> wide(static_cast<size_t>(height * width), 0.0);
  for (int64_t r = 0; r < c.rows; ++r)
    for (int64_t s = 0; s < c.columns; ++s)
      wide[static_cast<size_t>((r + c.top) * width + s + c.left)] =
          image[static_cast<size_t>(r * c.columns + s)];
  return wide;
}

std::vector<double> windows(const Case& c, const std::vector<double>& x, const std::vector<double>& f) {
  const int64_t images = row_count * 2, pixels = c.rows * c.columns;
  std::vector<double> y(static_cast<size_t>(images * filters * c.out_rows * c.out_columns), 0.0);
  for (int64_t n = 0; n < images; ++n)
    for (int64_t i = 0; i < channels; ++i) {
      int64_t width = 0;
      const auto start = x.begin() + (n * channels + i) * pixels;
      const auto image = padded(c, {start, start + pixels}, width);
      for (int64_t o = 0; o < filters; ++o)
        for (int64_t r = 0; r < c.out_rows; ++r)
          for (int64_t s = 0; s < c.out_columns; ++s)
            for (int64_t p = 0; p < c.kernel; ++p)
              for (int64_t q = 0; q < c.kernel; ++q)
                y[at({{n, images}, {o, filters}, {r, c.out_rows}, {s, c.out_columns}})] +=
                    image[static_cast<size_t>((r * c.stride + p) * width + s * c.stride + q)] *
                    f[at({{i, channels}, {o, filters}, {p, c.kernel}, {q, c.kernel}})];
    }
  return y;
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

TEST_CASE("a convolution is the sum over windows of the padded image") {
  std::mt19937_64 random(31);
  for (const Case& c : cases) {
    Module module = module_for(c);
    Builder b(module, module.functions[0]);
    const Leaves in = leaves_of(b);
    const NodeId y = b.make(Op::conv2d, {in.x, in.filters}, forward(c));
    REQUIRE(verify(module).empty());
    CHECK(print(parse_module(print(module))) == print(module));
    const auto leaves = random_leaves(module, module.functions[0], random);
    const auto found =
        interpreter::evaluate(module, module.functions[0], leaves)[static_cast<size_t>(y)].data;
    const auto expected = windows(c, leaves.at("parameter.x").data, leaves.at("parameter.filters").data);
    REQUIRE(found.size() == expected.size());
    for (size_t i = 0; i < found.size(); ++i) CHECK(close(found[i], expected[i], 1e-13));
  }
}

TEST_CASE("the three convolutions are one another's adjoints") {
  std::mt19937_64 random(32);
  for (const Case& c : cases) {
    Module module = module_for(c);
    Builder b(module, module.functions[0]);
    const Leaves in = leaves_of(b);
    const Attributes back = attributes_of(reversed(convolution_of(forward(c))));
    const NodeId x = b.reduce(Op::sum, in.x, {sample_a});
    const NodeId y = b.make(Op::conv2d, {x, in.filters}, forward(c));
    const NodeId transposed = b.make(Op::conv2d_transpose, {in.g, in.filters}, back);
    const NodeId by_filters = b.make(Op::conv2d_filters, {x, in.g}, forward(c));
    REQUIRE(verify(module).empty());
    const auto leaves = random_leaves(module, module.functions[0], random);
    const auto values = interpreter::evaluate(module, module.functions[0], leaves);
    const auto data = [&](NodeId id) { return values[static_cast<size_t>(id)].data; };
    const double direct = dot(data(y), data(in.g));
    CHECK(close(direct, dot(data(x), data(transposed)), 1e-12));
    CHECK(close(direct, dot(data(in.filters), data(by_filters)), 1e-12));
  }
}

TEST_CASE("derivatives of convolutions equal central differences") {
  std::mt19937_64 random(33);
  for (const Case& c : cases) {
    for (const Op op : {Op::conv2d, Op::conv2d_transpose, Op::conv2d_filters}) {
      Module module = module_for(c);
      Function& f = module.functions[0];
      Builder b(module, f);
      const Leaves in = leaves_of(b);
      const Attributes back = attributes_of(reversed(convolution_of(forward(c))));
      const NodeId y = op == Op::conv2d             ? b.make(op, {in.x, in.filters}, forward(c))
                       : op == Op::conv2d_transpose ? b.make(op, {in.g, in.filters}, back)
                                                    : b.make(op, {in.x, in.g}, forward(c));
      // A square, so that the adjoint depends on where one stands.
      const std::vector<AxisId> axes = b.type(y).axes;
      const NodeId value = b.reduce(Op::sum, b.unary(Op::square, y), axes);
      const std::vector<NodeId> with = op == Op::conv2d             ? std::vector{in.x, in.filters}
                                       : op == Op::conv2d_transpose ? std::vector{in.g, in.filters}
                                                                    : std::vector{in.x, in.g};
      const auto gradients = differentiate(b, value, with);
      REQUIRE(verify(module).empty());
      const auto leaves = random_leaves(module, f, random);
      const auto values = interpreter::evaluate(module, f, leaves);
      for (size_t n = 0; n < with.size(); ++n) {
        const std::string name = "parameter." + f[with[n]].attributes.text;
        const auto& slopes = values[static_cast<size_t>(gradients[n])].data;
        REQUIRE(slopes.size() == leaves.at(name).data.size());
        for (size_t i = 0; i < slopes.size(); i += 7) {
          const auto moved_value = [&](double step) {
            auto moved = leaves;
            moved[name].data[i] += step;
            return interpreter::evaluate(module, f, moved)[static_cast<size_t>(value)].data[0];
          };
          const double h = 1e-3, difference = (moved_value(h) - moved_value(-h)) / (2 * h);
          INFO(row(op).name << " " << name << " " << i);
          CHECK(close(slopes[i], difference, 1e-6));
        }
      }
    }
  }
}

TEST_CASE("shapes that are no convolution's are refused") {
  Module module = module_for(cases[0]);
  Builder b(module, module.functions[0]);
  const Leaves in = leaves_of(b);
  const auto refused = [&](Case c) {
    CHECK_THROWS_AS(b.make(Op::conv2d, {in.x, in.filters}, forward(c)), InternalError);
  };
  Case wrong = cases[0];
  wrong.stride = 0;
  refused(wrong);
  wrong.stride = 3;  // four steps of three over four rows
  refused(wrong);
  wrong = cases[0];
  wrong.top = 3;  // a window of zeros alone
  refused(wrong);
  CHECK_THROWS_AS(b.make(Op::conv2d, {in.g, in.filters}, forward(cases[0])), InternalError);
  CHECK_THROWS_AS(b.make(Op::conv2d, {in.x, in.x}, forward(cases[0])), InternalError);
  CHECK_THROWS_AS(b.make(Op::conv2d, {in.x, in.filters}, {.axes = {c_a, h_a, w_a}}), InternalError);
}

TEST_CASE("a reshape walks its axes as they are listed, and leaves the others") {
  Module module = parse_module(
      "module \"t\" level step\naxis row rows\naxis A 2\naxis B 3\naxis E 6\naxis S 2\nfunction \"f\" plain\n"
      "%0 : real[row, A, B, S] = parameter \"x\"\n%1 : real[row, E, S] = reshape 2 [A, B, E] %0\n%2 : "
      "real[row, E, S] = reshape 2 [B, A, E] %0\n"
      "%3 : real[row, A, B, S] = reshape 1 [E, B, A] %2\nend\n");
  REQUIRE(verify(module).empty());
  CHECK(print(parse_module(print(module))) == print(module));
  std::mt19937_64 random(34);
  const auto leaves = random_leaves(module, module.functions[0], random);
  const auto values = interpreter::evaluate(module, module.functions[0], leaves);
  const auto& x = values[0].data;
  CHECK(values[1].data == x);
  CHECK(values[3].data == x);
  for (size_t r = 0; r < 5; ++r)
    for (size_t a = 0; a < 2; ++a)
      for (size_t e = 0; e < 3; ++e)
        for (size_t s = 0; s < 2; ++s)
          CHECK(values[2].data[(r * 6 + e * 2 + a) * 2 + s] == x[((r * 2 + a) * 3 + e) * 2 + s]);
  const Function& f = module.functions[0];
  CHECK(keeps_memory_order(f[0].type, f[1]));
  CHECK_FALSE(keeps_memory_order(f[0].type, f[2]));
  CHECK_FALSE(keeps_memory_order(f[2].type, f[3]));
}
