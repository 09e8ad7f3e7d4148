#include "capi/handles.h"

using lvm::border::given;
using lvm::border::guard;

namespace {

std::map<std::string, std::string> settings_of(const lvm_setting* settings, size_t count) {
  std::map<std::string, std::string> to;
  if (count > 0) static_cast<void>(given(settings, "settings"));
  for (size_t i = 0; i < count; ++i)
    to[&given(settings[i].name, "the name of a setting")] =
        &given(settings[i].value, "the value of a setting");
  return to;
}

int keep(const lvm::Model& compiled, lvm_model** model, lvm_report** report) {
  const int status = lvm::border::finish(compiled.report(), report);
  if (status == LVM_OK)
    *model = new lvm_model{compiled, compiled.name(), lvm::plan_to_json(compiled.plan()), compiled.explain()};
  return status;
}

}  // namespace

int lvm_model_compile(const char* text, const lvm_setting* settings, size_t count, lvm_model** model,
                      lvm_report** report) {
  return guard(report, [&] {
    given(model, "model") = nullptr;
    return keep(lvm::compile(&given(text, "text"),
                             {.file_name = "model.lvm", .settings = settings_of(settings, count)}),
                model, report);
  });
}

int lvm_model_compile_file(const char* path, const lvm_setting* settings, size_t count, lvm_model** model,
                           lvm_report** report) {
  return guard(report, [&] {
    given(model, "model") = nullptr;
    return keep(
        lvm::compile_file(&given(path, "path"), {.file_name = {}, .settings = settings_of(settings, count)}),
        model, report);
  });
}

const char* lvm_model_name(const lvm_model* model) {
  return model != nullptr ? model->name.c_str() : "";
}
const char* lvm_model_plan_json(const lvm_model* model) {
  return model != nullptr ? model->plan.c_str() : "[]";
}
const char* lvm_model_explanation(const lvm_model* model) {
  return model != nullptr ? model->explanation.c_str() : "";
}
void lvm_model_free(lvm_model* model) {
  delete model;
}
