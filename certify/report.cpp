#include "certify/report.h"

#include <fmt/format.h>

namespace lvm::certificate {

std::string_view name(Verdict verdict) {
  switch (verdict) {
    case Verdict::certified: return "certified";
    case Verdict::failed: return "failed";
    case Verdict::open: return "open";
  }
  return "";
}

void report(const Certificate& c, Diagnostics& diagnostics) {
  switch (c.verdict) {
    case Verdict::certified: return;
    case Verdict::failed:
      diagnostics.report(
          {.code = Code::certificate_failed,
           .message = fmt::format(
               "`{}` is not what the model says: that {} fails by {:.2g}{}, where rounding allows "
               "{:.2g} ({})",
               c.block, c.claim, c.found, c.latent || c.solver == ir::Solver::gradient ? "" : " nats",
               c.allowed, c.place)});
      return;
    case Verdict::open:
      diagnostics.report(
          {.code = Code::certificate_open,
           .message = fmt::format("a part of the certificate of `{}` is open: {}", c.block, c.place)});
      return;
  }
}

void report_no_rows(const std::string& why, Diagnostics& diagnostics) {
  diagnostics.report({.code = Code::certificate_without_rows,
                      .message = fmt::format("the model cannot be certified on these rows: {}", why)});
}

}  // namespace lvm::certificate
