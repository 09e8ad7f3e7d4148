#pragma once
// What certificates have to say, as diagnostics.

#include "certify/certify.h"

namespace lvm::certificate {

/// An error where it failed, a warning where it is open.
void report(const Certificate& certificate, Diagnostics& diagnostics);
void report_no_rows(const std::string& why, Diagnostics& diagnostics);

}  // namespace lvm::certificate
