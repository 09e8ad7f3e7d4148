#include "frontend/diagnostics/diagnostic.h"

#include <algorithm>
#include <tuple>

namespace lvm {
namespace {

bool in_table(const Diagnostic& d) {
  return !d.table.file.empty() || d.table.row != 0 || !d.table.column.empty();
}

bool equal(const Diagnostic& a, const Diagnostic& b) {
  return a.code == b.code && a.range == b.range && a.message == b.message && a.label == b.label &&
         a.hint == b.hint && a.table.file == b.table.file && a.table.row == b.table.row &&
         a.table.column == b.table.column;
}

bool earlier(const Diagnostic& a, const Diagnostic& b) {
  const auto key = [](const Diagnostic& d) {
    return std::make_tuple(in_table(d), std::cref(d.table.file), d.table.row, d.range.begin, d.range.end);
  };
  return key(a) < key(b);
}

}  // namespace

const std::vector<CodeRow>& all_codes() {
  static const std::vector<CodeRow> rows = {
#define LVM_DIAGNOSTIC(code, severity, name, rule, text) {code, Severity::severity, #name, rule, text},
#include "frontend/diagnostics/diagnostics.def"
#undef LVM_DIAGNOSTIC
  };
  return rows;
}

const CodeRow& row(Code code) {
  return all_codes()[static_cast<size_t>(code)];
}

std::optional<Code> find_code(std::string_view code) {
  const auto& rows = all_codes();
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const CodeRow& r) { return r.code == code; });
  if (found == rows.end()) return std::nullopt;
  return static_cast<Code>(found - rows.begin());
}

void Diagnostics::report(Diagnostic diagnostic) {
  const auto same = [&](const Diagnostic& d) { return equal(d, diagnostic); };
  if (std::any_of(list_.begin(), list_.end(), same)) return;
  if (row(diagnostic.code).severity == Severity::error) ++errors_;
  list_.push_back(std::move(diagnostic));
}

std::vector<Diagnostic> Diagnostics::sorted() const {
  std::vector<const Diagnostic*> order;
  for (const Diagnostic& d : list_) {
    const auto after = [](const Diagnostic* a, const Diagnostic* b) { return earlier(*a, *b); };
    order.insert(std::upper_bound(order.begin(), order.end(), &d, after),
                 &d);  // stable: equal places keep their order
  }
  std::vector<Diagnostic> out;
  for (const Diagnostic* d : order) out.push_back(*d);
  return out;
}

}  // namespace lvm
