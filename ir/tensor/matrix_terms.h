#pragma once
// Matrix algebra over the axes (D, D') of terms, batched over all others. A product needs a third name for the inner index: D''.

#include "ir/tensor/term.h"

namespace lvm::ir {

struct MatrixTerms {
  Builder& b;
  AxisId row, column;

  Term transpose(Term a) const { return a.make(Op::rename, {a}, {row, column, column, row}); }
  Term product(Term a, Term c) const {
    const AxisId inner = b.module().twin(column);
    return {&b, b.contract({b.rename(a, column, inner), b.rename(c, row, inner)}, {inner})};
  }
  /// u v' of two vectors along D.
  Term outer(Term u, Term v) const { return u * Term{&b, b.rename(v, row, column)}; }
  /// A' g of a vector along D.
  Term transposed_apply(Term a, Term g) const {
    return {&b, b.rename(b.contract({a, g}, {row}), column, row)};
  }
  Term lower(Term a) const {
    return where(a.make(Op::less_equal, {a.make(Op::iota, {}, {column}), a.make(Op::iota, {}, {row})}), a);
  }
  Term only_diagonal(Term a) const {
    return where(equal(a.make(Op::iota, {}, {column}), a.make(Op::iota, {}, {row})), a);
  }
  Term symmetric(Term a) const { return 0.5 * (a + transpose(a)); }
};

}  // namespace lvm::ir
