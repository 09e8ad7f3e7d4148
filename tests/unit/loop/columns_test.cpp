#include "ir/loop/columns.h"

#include <catch2/catch.hpp>

namespace lvm::loop {

TEST_CASE("columns that are given back are taken again, the smallest gap first") {
  Columns columns;
  const int64_t a = columns.take(4), b = columns.take(2), c = columns.take(3);
  CHECK(columns.all() == 9);
  columns.give(a, 4);
  columns.give(c, 3);
  CHECK(columns.take(3) == c);
  CHECK(columns.take(2) == a);
  columns.give(b, 2);
  CHECK(columns.take(4) == a + 2);  // the rest of the first gap and the second one
  CHECK(columns.all() == 9);
}

TEST_CASE("a gap at the end grows") {
  Columns columns;
  const int64_t a = columns.take(2), b = columns.take(3);
  columns.give(b, 3);
  CHECK(columns.take(5) == b);
  CHECK(columns.all() == 7);
  columns.give(a, 2);
  columns.give(b, 5);
  CHECK(columns.take(7) == a);
  CHECK(columns.all() == 7);
}

}  // namespace lvm::loop
