#pragma once
// Terms of a row that several functions need: each is built and simplified once, in a module of its own, and
// placed where it is used. A term whose inputs are parameters alone loses the row axis on the way: no pass
// over the rows computes it.

#include <functional>
#include <map>
#include <memory>

#include "backends/em/emission.h"

namespace lvm::em {

/// A plain function whose `argument` leaves stand for parameters, there with every axis of the density.
struct TermModule {
  ir::Module module;
  std::map<std::string, ir::Type> parameters;  // as they are
};

class RowTerm {
 public:
  RowTerm(std::shared_ptr<const TermModule> terms, size_t output)
      : terms_(std::move(terms)), output_(output) {}

  bool is_zero() const;
  /// True where it reads data, or anything else that rows differ in.
  bool of_rows() const;
  /// Its expression in `to`; parameters are leaves there. `latents`: what stands for continuous latents.
  NodeId place(Builder& to, const std::map<std::string, NodeId>& latents = {}) const;

 private:
  const ir::Function& function() const { return terms_->module.functions.front(); }
  NodeId result() const { return function().outputs.at(output_).node; }

  std::shared_ptr<const TermModule> terms_;
  size_t output_;
};

/// The log density of a factor and its derivatives in parameters that enter it element by element.
struct DensityTerms {
  std::vector<RowTerm> first;                // d ln p / d v_i
  std::vector<std::vector<RowTerm>> second;  // d2 ln p / d v_i d v_j for j <= i
};
DensityTerms density_terms(ir::Module& target, const Setting& setting, const Emission& emission,
                           const std::vector<std::string>& parameters);

/// Where terms of one factor are written: a function of its own over the axes of `target`, to which new axes
/// (twins) are added.
class TermWriter {
 public:
  TermWriter(ir::Module& target, const Setting& setting, const Emission& emission);
  Builder& builder() { return builder_; }
  Expansion& expand() { return expand_; }
  NodeId value() { return expand_(emission_.value); }
  std::vector<NodeId> slots();
  /// An `argument` leaf that stands for a parameter from here on, with the axes `axes` besides its own.
  NodeId stand_in(const std::string& parameter, const std::vector<AxisId>& axes);
  void output(NodeId node) { builder_.output(ir::OutputKind::result, "term", node); }
  /// All outputs, in order, simplified.
  std::vector<RowTerm> take();

 private:
  ir::Module& target_;
  const Setting& setting_;
  const Emission& emission_;
  ir::Module module_;
  Builder builder_;
  Expansion expand_;
  std::map<std::string, ir::Type> parameters_;
};

}  // namespace lvm::em
