#pragma once
// What stands behind the handles of lvm.h, and the border itself: exceptions become statuses, and nothing of
// C++ crosses.

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "api/fitted.h"
#include "api/row_code.h"
#include "lvm/lvm.h"

struct lvm_report {
  lvm::Report report;
  std::string text, json;
};

struct lvm_model {
  lvm::Model model;
  std::string name, plan, explanation;
};

struct lvm_table {
  lvm::Data data;
  std::function<void()> release = [] {};         // of what an exporter handed over
  std::vector<std::vector<int32_t>> codes = {};  // of texts
  ~lvm_table() { release(); }
};

/// The fit may be replaced by `lvm_fit_update`; a call goes on with the one that it took.
struct lvm_fit {
  explicit lvm_fit(lvm::FittedModel fitted) : fitted_(std::move(fitted)) {}
  lvm::FittedModel get() const {
    const std::lock_guard lock(mutex_);
    return fitted_;
  }
  void set(lvm::FittedModel fitted) {
    const std::lock_guard lock(mutex_);
    fitted_ = std::move(fitted);
  }
  std::mutex updating;  // one update at a time

 private:
  mutable std::mutex mutex_;
  lvm::FittedModel fitted_;
};

struct lvm_scorer {
  lvm::RowScorer scorer;
};

struct lvm_result {
  lvm::Results results;
};

namespace lvm::border {

/// A mistake of the caller.
struct Misuse {
  std::string what;
};

/// The status of what a step said; its messages go to `to`, where there is a place for them.
int finish(const Report& report, lvm_report** to);

/// What is said without a diagnostic.
void say(lvm_report** to, const std::string& text);

/// Runs `body`, which returns a status.
template <class Body>
int guard(lvm_report** report, const Body& body) noexcept {
  if (report != nullptr) *report = nullptr;
  try {
    try {
      return body();
    } catch (const Misuse& misuse) {
      say(report, misuse.what);
      return LVM_USAGE;
    } catch (const std::bad_alloc&) {
      say(report, "there is not enough memory");
      return LVM_MEMORY;
    } catch (const std::exception& error) {
      say(report, std::string("a fault of lvm: ") + error.what());
      return LVM_INTERNAL;
    }
  } catch (...) {
    return LVM_MEMORY;
  }
}

/// `what` names an argument that must be there.
template <class T>
T& given(T* pointer, const char* what) {
  if (pointer == nullptr) throw Misuse{std::string("`") + what + "` is NULL"};
  return *pointer;
}

/// A copy that `lvm_string_free` takes.
char* owned(const std::string& text);

}  // namespace lvm::border
