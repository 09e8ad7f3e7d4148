#include <catch2/catch.hpp>

#include "ir/loop/builder.h"
#include "ir/loop/schedule.h"
#include "tests/unit/loop/gmm_program.h"

using namespace lvm::loop;

namespace {

Function sum_of_squares() {
  Builder b("sum \"q\"");
  Value total =
      b.loop(b.index(0), b.rows(), lane_count, {b.reals(0)}, [&](Value i, const std::vector<Value>& carried) {
        Value x = b.load_column(b.index(0), i);
        return std::vector<Value>{b.fma(x, x, carried[0])};
      })[0];
  b.store({Buffer::output, no_value, 3}, b.reduce_add(total));
  b.leave(b.index(0));
  return b.take();
}

}  // namespace

TEST_CASE("Loop prints as a text that says all") {
  CHECK(print(sum_of_squares()) ==
        R"(function "sum "q""
  %0 : index = constant 0
  %1 : index = rows
  %2 : realx8 = constant 0
  for %3 from %0 to %1 step 8 carry %4 = %2
    %5 : realx8 = load_column %0, %3
    %6 : realx8 = fma %5, %5, %4
    yield %6
  %7 : realx8 = result 0
  %8 : real = reduce_add %7
  store output[%0 + 3], %8
  leave %0
)");
}

TEST_CASE("printing is deterministic") {
  auto first = lvm::test::gmm_program(3, 4), second = lvm::test::gmm_program(3, 4);
  CHECK(print(schedule(first, {})) == print(schedule(second, {})));
}

TEST_CASE("equal pure instructions are shared in their scope alone") {
  Builder b("shared");
  Value x = b.load(Type::real, {Buffer::parameters, no_value, 0});
  Value sum = b.add(x, x);
  CHECK(b.add(x, x) == sum);
  Value inside = no_value;
  b.loop(b.index(0), b.index(2), 1, [&](Value) {
    CHECK(b.add(x, x) == sum);
    inside = b.mul(x, x);
  });
  CHECK(b.mul(x, x) != inside);
  b.leave(b.index(0));
  CHECK(verify(b.function()) == std::vector<std::string>{});
}

TEST_CASE("the verifier finds what is not well formed") {
  Function good = sum_of_squares();
  REQUIRE(verify(good) == std::vector<std::string>{});

  Function no_leave = good;
  no_leave.regions[0].body.pop_back();
  CHECK(verify(no_leave).size() == 1);

  Function type = good;
  Value rows = no_value;
  for (size_t i = 0; i < type.instructions.size(); ++i) {
    if (type.instructions[i].op == Op::rows) rows = static_cast<Value>(i);
  }
  for (auto& i : type.instructions) {
    // The number of rows, which is no vector.
    if (i.op == Op::fma) i.operands[0] = rows;
  }
  CHECK_FALSE(verify(type).empty());

  Function scope = good;
  // The value of the loop's body, used behind the loop.
  Value inner = no_value;
  for (size_t i = 0; i < scope.instructions.size(); ++i) {
    if (scope.instructions[i].op == Op::fma) inner = static_cast<Value>(i);
  }
  for (auto& i : scope.instructions) {
    if (i.op == Op::reduce_add) i.operands[0] = inner;
  }
  CHECK_FALSE(verify(scope).empty());

  Function carried = good;
  for (auto& i : carried.instructions) {
    if (i.op == Op::yield) i.operands.clear();
  }
  CHECK_FALSE(verify(carried).empty());
}
