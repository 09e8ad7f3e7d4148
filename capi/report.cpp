#include <cstdlib>
#include <cstring>

#include "capi/handles.h"

namespace lvm::border {

namespace {

int status_of(const Report& report) {
  if (!report.has_errors()) return LVM_OK;
  return report.file_error() ? LVM_FILES : LVM_INVALID;
}

}  // namespace

int finish(const Report& report, lvm_report** to) {
  if (to != nullptr && !report.messages().empty())
    *to = new lvm_report{report, report.render(), to_json(report)};
  return status_of(report);
}

void say(lvm_report** to, const std::string& text) {
  if (to != nullptr)
    *to = new lvm_report{{}, "error: " + text + "\n", "{\"ok\":false,\"errors\":[],\"warnings\":[]}"};
}

char* owned(const std::string& text) {
  auto* copy = static_cast<char*>(std::malloc(text.size() + 1));
  if (copy != nullptr) std::memcpy(copy, text.c_str(), text.size() + 1);
  return copy;
}

}  // namespace lvm::border

using lvm::border::given;
using lvm::border::guard;

const char* lvm_version(void) {
  static const std::string text = lvm::version();
  return text.c_str();
}
int lvm_api_version(void) {
  return LVM_API_VERSION;
}

char* lvm_explain(const char* code) {
  char* text = nullptr;
  static_cast<void>(guard(nullptr, [&] {
    const auto found = lvm::explain_code(&given(code, "code"));
    if (found) text = lvm::border::owned(*found);
    return LVM_OK;
  }));
  return text;
}
void lvm_string_free(char* text) {
  std::free(text);
}

size_t lvm_report_count(const lvm_report* report) {
  return report != nullptr ? report->report.messages().size() : 0;
}

int lvm_report_message(const lvm_report* report, size_t index, lvm_message* message) {
  return guard(nullptr, [&] {
    const auto& messages = given(report, "report").report.messages();
    if (index >= messages.size()) return LVM_USAGE;
    const lvm::Message& m = messages[index];
    given(message, "message") = {m.code.c_str(),  m.error ? 1 : 0,
                                 m.text.c_str(),  m.rule.c_str(),
                                 m.label.c_str(), m.hint.c_str(),
                                 m.file.c_str(),  m.line,
                                 m.column,        m.end_line,
                                 m.end_column,    m.table.c_str(),
                                 m.row,           m.column_name.c_str(),
                                 m.cell.c_str()};
    return LVM_OK;
  });
}
const char* lvm_report_text(const lvm_report* report) {
  return report != nullptr ? report->text.c_str() : "";
}
const char* lvm_report_json(const lvm_report* report) {
  return report != nullptr ? report->json.c_str() : "{\"ok\":true,\"errors\":[],\"warnings\":[]}";
}
void lvm_report_free(lvm_report* report) {
  delete report;
}
