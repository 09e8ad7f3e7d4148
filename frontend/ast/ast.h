#pragma once
// The abstract syntax tree: what the user wrote, with ranges, before any name is resolved.

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "frontend/diagnostics/source.h"

namespace lvm::ast {

struct Name {
  std::string text;
  SourceRange range;
};

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

/// A positional argument has an empty name.
struct Argument {
  Name name;
  ExpressionPtr value;
};

enum class ExpressionKind {
  number,  // `number`, text as written
  string,  // "text": column names
  name,    // text
  call,    // text = callee, arguments
  index,   // children[0] `[` children[1…] `]`
  member,  // children[0] `.` text
  negate,  // - children[0]
  add,
  subtract,
  multiply,
  divide,
  power,                 // two children
  elementwise_multiply,  // a .* b
  transpose,             // children[0]'
  list,                  // [a, b, …]
  range,                 // children[0] .. children[1]: an argument only, "x1".."x9" or 0..255
};

struct Expression {
  ExpressionKind kind;
  SourceRange range;
  std::string text = {};  // of a string: its value, without quotes and escapes
  double number = 0;
  std::vector<ExpressionPtr> children = {};
  std::vector<Argument> arguments = {};
  SourceRange name_range = {};  // of `text` in calls and members
};

/// `real[K, D]`, `category[K]`, `positive`.
struct TypeSyntax {
  Name name;
  std::vector<Name> axes;  // axis names; a literal size stands as its digits
  SourceRange range;
};

struct AxisDeclaration {  // axis K = 3    axis D = columns    axis V = levels
  Name name;
  ExpressionPtr size;  // number, or the names `columns`, `levels`
};
struct ConstDeclaration {  // const a: real = 1.5
  Name name;
  TypeSyntax type;
  ExpressionPtr value;
};
struct DataDeclaration {  // data y: real[D] = columns("x*") missing    given x: real per school
  bool given = false;
  Name name;
  TypeSyntax type;
  ExpressionPtr binding;  // null: by name
  bool missing = false;
  std::optional<Name> plate;  // per PLATE
};
struct WeightDeclaration {  // weight w = column("n")
  Name name;
  ExpressionPtr binding;  // null: by name
};
struct PlateDeclaration {  // plate subject = by("subject", "visit")
  Name name;
  std::vector<Name> columns;
};
struct SequenceDeclaration {  // sequence t by "series" order "time"
  Name name;
  std::vector<Name> by;
  std::optional<Name> order;
};
struct ParameterDeclaration {  // param s: positive = 1 fixed   param m: real[K] ~ Normal(0, sd: 1)
  Name name;
  TypeSyntax type;
  ExpressionPtr prior;  // a call, or null
  ExpressionPtr value;  // number or nested lists, or null
  bool fixed = false;
  bool init = false;
  ExpressionPtr mask;
};
struct LatentDeclaration {  // latent b: real[J] per subject    latent W: real[D, L] global
  Name name;
  TypeSyntax type;
  std::optional<Name> plate;
  bool global = false;
};
struct LetDeclaration {  // let m = W * z + b
  Name name;
  ExpressionPtr value;
};

struct NetParameter {
  Name name;
  TypeSyntax type;
};
struct NetStatement {  // h = tanh(dense(y, H))    return e  (empty target)
  Name target;
  ExpressionPtr value;
  SourceRange range;
};
struct NetDeclaration {
  Name name;
  std::vector<NetParameter> parameters;
  std::vector<NetParameter> outputs;        // named outputs, or
  std::optional<TypeSyntax> single_output;  // `-> real[D]`
  std::vector<NetStatement> body;
};

/// A variable inside P(...) or q(...): `z`, `z[t]`, `z[t-1]`, `z[first]`, `z[first+1]`.
struct VariableReference {
  Name name;
  std::optional<Name> index;  // "t", "first"
  int offset = 0;             // -1 in z[t-1], 1 in z[first+1]
  SourceRange range;
};
struct ProbabilityDeclaration {  // P(y | z, x) = Normal(...)
  std::vector<VariableReference> left;
  std::vector<VariableReference> parents;
  ExpressionPtr distribution;  // a call
};
/// One factor of the right side of q: `q(z | y)` in `q(z, w | y) = q(z | y) * q(w | y)`.
struct PosteriorTerm {
  std::vector<VariableReference> left;
  std::vector<VariableReference> parents;
  SourceRange range;
};
enum class PosteriorKind { exact, point, automatic, distribution, factorisation };
struct PosteriorDeclaration {  // q(z | y) = exact | point | auto | Normal(...) | q(..) * q(..)
  std::vector<VariableReference> left;
  std::vector<VariableReference> parents;
  PosteriorKind kind;
  ExpressionPtr distribution;  // for kind distribution
  std::vector<PosteriorTerm> terms;
};

struct FitSetting {  // optimizer = adam(rate: 1e-3)
  Name name;
  ExpressionPtr value;
};
struct FitDeclaration {
  std::vector<FitSetting> settings;
};

using DeclarationNode =
    std::variant<AxisDeclaration, ConstDeclaration, DataDeclaration, WeightDeclaration, PlateDeclaration,
                 SequenceDeclaration, ParameterDeclaration, LatentDeclaration, LetDeclaration, NetDeclaration,
                 ProbabilityDeclaration, PosteriorDeclaration, FitDeclaration>;

struct Declaration {
  DeclarationNode node;
  SourceRange range;
};

struct ModelFile {
  Name name;
  std::vector<Declaration> declarations;
};

/// The canonical layout: what `lvmc fmt` writes and `--emit=ast` shows. Parsing it again gives an equal tree.
std::string print(const ModelFile& model);
std::string print(const Expression& expression);

}  // namespace lvm::ast
