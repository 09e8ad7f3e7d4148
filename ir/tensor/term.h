#pragma once
// Term: a node with the arithmetic operators, so that a rule reads like its formula.

#include "ir/tensor/tensor.h"

namespace lvm::ir {

struct Term {
  Builder* b;
  NodeId id;
  operator NodeId() const { return id; }
  Term constant(double value) const { return {b, b->constant(value)}; }
  Term make(Op op, std::vector<NodeId> inputs, std::vector<AxisId> axes = {}) const {
    return {b, b->make(op, std::move(inputs), {.axes = std::move(axes)})};
  }
};

inline Term operator+(Term a, Term c) { return a.make(Op::add, {a, c}); }
inline Term operator-(Term a, Term c) { return a.make(Op::sub, {a, c}); }
inline Term operator*(Term a, Term c) { return a.make(Op::mul, {a, c}); }
inline Term operator/(Term a, Term c) { return a.make(Op::div, {a, c}); }
inline Term operator*(double a, Term c) { return c.constant(a) * c; }
inline Term operator+(double a, Term c) { return c.constant(a) + c; }
inline Term operator-(Term a) { return a.make(Op::neg, {a}); }
inline Term apply(Op op, Term a) { return a.make(op, {a}); }
inline Term less(Term a, Term c) { return a.make(Op::less, {a, c}); }
inline Term equal(Term a, Term c) { return a.make(Op::equal, {a, c}); }
inline Term equal(Term a, double c) { return equal(a, a.constant(c)); }
inline Term select(Term condition, Term yes, Term no) { return yes.make(Op::select, {condition, yes, no}); }
/// `yes` where the condition holds, else 0: never a product, so that 0 * inf cannot arise.
inline Term where(Term condition, Term yes) { return select(condition, yes, yes.constant(0)); }
inline Term zero_where(Term condition, Term no) { return select(condition, no.constant(0), no); }

}  // namespace lvm::ir
