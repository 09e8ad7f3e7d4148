#pragma once
// The state of one analysis and the functions of its concepts. Each group of declarations below is one .cpp
// file. Every function reports what it finds and goes on; a value or a variable that is wrong becomes poison,
// of which nothing more is said.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "frontend/analysis/analyse.h"
#include "frontend/analysis/value.h"
#include "ir/families/signatures.h"

namespace lvm::analysis {

enum class EntityKind : uint8_t { axis, variable, let, plate, sequence, network };

/// What a name of the model means.
struct Entity {
  EntityKind kind;
  std::string name;
  SourceRange range;  // of the name in its declaration
  int index = -1;     // axis: its id; variable: in Model::variables; let and network: in the lists below
  bool used = false;
  bool doubtful = false;  // declared twice: it may be meant as the other
};

/// Beside Model::variables, by the same index.
struct VariableState {
  bool sound = false;    // its type is known
  int declaration = -1;  // in ModelFile::declarations
};

struct LetState {
  const ast::LetDeclaration* declaration;
  bool unusable = false;                               // in or on a circle, or too deep: its use is poison
  std::optional<bool> open = {};                       // whether lists in it take their axes from its place
  std::map<std::vector<AxisId>, Value> expanded = {};  // by the axes that the place gives to lists
};

/// A running statistic and what it follows: a node of the function that is being built.
struct Follower {
  std::string variable;
  NodeId node;
};

/// A network is analysed once, into a function of its own; a call copies what it needs of it.
struct NetworkState {
  const ast::NetDeclaration* declaration;
  enum class Progress : uint8_t { none, active, done } progress = Progress::none;
  ir::Function body = {};                     // arguments and weights are leaves
  std::vector<NodeId> arguments = {};         // leaves of `body`, one a parameter
  std::map<std::string, Value> outputs = {};  // nodes of `body`; "" is the single output
  std::vector<Follower> followers = {};       // nodes of `body`
  std::vector<std::pair<const ir::Function*, std::vector<NodeId>>> calls = {};  // by function and arguments
};

struct NetworkBody;  // network.h

struct Context {
  const ast::ModelFile& file;
  const Settings& settings;
  Diagnostics& diagnostics;
  ir::Model model;
  ir::Builder builder;

  std::map<std::string, Entity> scope;
  std::vector<VariableState> variables;
  std::vector<LetState> lets;
  std::vector<NetworkState> networks;
  std::string sequence;  // the name of the sequence; empty: none
  std::set<std::string> settings_used;
  std::set<int> assumed_factors;  // variables whose P exists but is wrong: not missing
  NetworkBody* body = nullptr;    // the network whose body is analysed now
  std::set<AxisId> layer_axes;    // the sizes that layers were given as numbers: they meet others by size

  Context(const ast::ModelFile& file, const Settings& settings, Diagnostics& diagnostics);
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
};

// report.cpp
void report(Context& context, Code code, SourceRange range, std::string message, std::string label = {},
            std::string hint = {}, std::vector<Label> labels = {});
void unsupported(Context& context, std::string what, std::string way_out, SourceRange range);
/// "did you mean `x`?", or `otherwise`.
std::string suggestion(std::string_view name, const std::vector<std::string>& candidates,
                       std::string otherwise = {});
std::string listed(const std::vector<std::string>& names, std::string_view last = "or");

// describe.cpp: types as users write them
std::string axis_text(const Context& context, AxisId axis);
std::string describe(const Context& context, const Value& value);
std::string describe(const Context& context, const ir::Variable& variable);
/// "data", "a latent", "a given variable"
std::string role_text(const ir::Variable& variable);
std::string describe_shape(const Context& context, const std::vector<AxisId>& order);

// scope.cpp
void declare_names(Context& context);
Entity* find_entity(Context& context, std::string_view name);
/// The entity, or nullptr after `unknown_name` with a suggestion among the names of those kinds.
Entity* resolve(Context& context, const ast::Name& name, std::initializer_list<EntityKind> suggested);
std::vector<std::string> names_of(const Context& context, std::initializer_list<EntityKind> kinds);
std::string_view name(EntityKind kind);

// axes.cpp
void analyse_axes(Context& context);
/// After the variables: an axis whose size comes from data needs a variable that gives it.
void check_axis_sources(Context& context);
/// The axis of that name or of that literal size; none after a report.
std::optional<AxisId> resolve_axis(Context& context, const ast::Name& name);
/// The axis of which `axis` is a twin, or itself.
AxisId base_axis(const Context& context, AxisId axis);
int64_t axis_size(const Context& context, AxisId axis);
/// Records that a list of `size` entries stands along the axis; false where its size is known and another.
bool accept_size(Context& context, AxisId axis, int64_t size);

// types.cpp
struct DeclaredType {
  ir::Element element = ir::Element::real;
  ir::Domain domain = ir::Domain::real;
  std::vector<AxisId> axes = {};  // as written, the event twice for matrices; a category's range left out
  AxisId range = -1;
};
std::optional<DeclaredType> resolve_type(Context& context, const ast::TypeSyntax& type);
/// A value of that type, without a node.
Value typed_value(const DeclaredType& type);

// variables.cpp
void analyse_variables(Context& context);
// bindings.cpp
ir::Binding analyse_binding(Context& context, const ast::Expression* binding);

// literals.cpp
/// Numbers and (nested) lists of them along `axes`, row-major; a single number stands for all elements. None
/// after a report.
std::optional<std::vector<double>> literal_values(Context& context, const ast::Expression& value,
                                                  const std::vector<AxisId>& axes);
/// Number literals under arithmetic.
std::optional<double> literal_number(const ast::Expression& expression);
// domains.cpp
/// Reports values outside of the declared set; false after a report.
bool check_domain(Context& context, const ir::Variable& variable, const std::vector<double>& values,
                  SourceRange range);

// parameters.cpp
void analyse_constants(Context& context);
void analyse_parameters(Context& context);

// expressions.cpp
/// `place`: the axes that a list takes here; empty: none.
Value evaluate(Context& context, const ast::Expression& expression, const std::vector<AxisId>& place = {});
bool is_open(Context& context, const ast::Expression& expression);
/// At another position than its own step a variable has a leaf of its own, named "z[t-1]".
Value variable_value(Context& context, int variable, const Use& use);
/// A variable without a position: in a sequence it means the current step.
Use bare_use(const Context& context, int variable, SourceRange source);
Value constant_value(Context& context, double number, SourceRange source);
void merge_uses(std::vector<Use>& into, const std::vector<Use>& from);
/// Reports a category in arithmetic; false then.
bool require_number(Context& context, const Value& value);
NodeId make(Context& context, ir::Op op, std::vector<NodeId> inputs, std::vector<AxisId> axes,
            SourceRange source);
// circles.cpp
using Edges = std::vector<std::vector<int>>;
/// The nodes of one circle in order, each pointing at the next and the last at the first; empty: there is
/// none.
std::vector<int> find_circle(const Edges& edges);
/// The length of the longest path from each node; -1 for nodes that lead into a circle.
std::vector<int> depths(const Edges& edges);
// lets.cpp
void collect_names(const Context& context, const ast::Expression& expression,
                   std::vector<const Entity*>& found);
bool let_is_open(Context& context, int index);
void check_lets(Context& context);
Value expand_let(Context& context, Entity& entity, const ast::Expression& use,
                 const std::vector<AxisId>& place);
// lists.cpp
Value evaluate_list(Context& context, const ast::Expression& list, const std::vector<AxisId>& place);
// products.cpp
Value multiply(Context& context, const ast::Expression& expression, Value left, Value right);
Value transpose(Context& context, const ast::Expression& expression, Value value);
Value dot(Context& context, const ast::Expression& expression, Value left, Value right);
/// Renames twins so that the first axis of a name is D and the second D'.
void normalise_axes(Context& context, Value& value);
// indexing.cpp
Value evaluate_index(Context& context, const ast::Expression& expression);
/// `z[t-1]`, `z[first]`: the position, if the index is one.
struct Position {
  ir::VariableUse::Place place;
  int offset;
};
std::optional<Position> sequence_position(Context& context, const ast::Expression& index);
// functions.cpp
Value evaluate_call(Context& context, const ast::Expression& expression, const std::vector<AxisId>& place);
bool is_elementwise_function(std::string_view name);
const std::vector<std::string>& function_names();

// networks.cpp
void analyse_networks(Context& context);
/// The network with its body analysed; poison outputs where it calls itself.
NetworkState& analysed_network(Context& context, const Entity& network, SourceRange use);
/// Behind everything that calls networks: the leaves of weights, and none for weights that no call reaches.
void bind_weights(Context& context);
// network_calls.cpp
/// `member`: the output that is read; empty: the single one.
Value call_network(Context& context, const Entity& network, const ast::Expression& call,
                   const ast::Name& member);

// distributions.cpp
/// The left side of a distribution.
struct Target {
  Value value;
  const ir::Variable* variable;
};
struct Density {
  NodeId node = ir::no_node;
  std::vector<Use> uses;
};
Density evaluate_distribution(Context& context, const ast::Expression& call, const Target& target);
// signature_choice.cpp
struct SlotArgument {
  const ir::SlotChoice* slot;
  const ast::Expression* value;
};
struct ChosenSignature {
  const ir::Signature* signature;
  std::vector<SlotArgument> arguments;  // in the order of the signature's slots; optional ones may be absent
};
std::optional<ChosenSignature> choose_signature(Context& context, const ast::Expression& call);
bool is_distribution(std::string_view name);
// slots.cpp
/// The slot's value when its kind and shape fit; poison after a report.
Value evaluate_slot(Context& context, const ir::Signature& signature, const SlotArgument& argument,
                    const Target& target);
// support.cpp
/// False after a report.
bool check_support(Context& context, const ast::Expression& call, const ir::Signature& signature,
                   const Target& target);

// factors.cpp
void analyse_factors(Context& context);
/// The variable of a reference in P(...) or q(...); none after a report.
std::optional<ir::VariableUse> resolve_reference(Context& context, const ast::VariableReference& reference);
std::string describe_use(const Context& context, const ir::VariableUse& use);
bool same_use(const ir::VariableUse& a, const ir::VariableUse& b);
// dependence.cpp
void check_acyclic(Context& context);
/// For each latent the number of its block: latents that one factor mentions are in one block.
std::vector<int> connected_blocks(const ir::Model& model, const std::vector<int>& latents);

// posteriors.cpp
void analyse_posteriors(Context& context);
/// Latents, and category data with missing cells.
bool is_inferred(const ir::Variable& variable);

// fit_settings.cpp
void analyse_fit(Context& context);

/// The text given by `--set` for a name of the model, marked as used.
std::optional<std::string> setting(Context& context, const std::string& name);
void check_settings(Context& context);

// usage.cpp
void check_usage(Context& context);

}  // namespace lvm::analysis
