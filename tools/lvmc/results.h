#pragma once
// What every command does with what it was given and what came out.

#include <string>
#include <string_view>

#include "arguments.h"

namespace lvmc {

/// Messages go to stderr; `--quiet` keeps errors alone.
void show(const lvm::Report& report, const Arguments& arguments);
/// The same, and the exit code for it.
int failure(const lvm::Report& report, const Arguments& arguments);
/// To stdout.
int print(std::string_view text);
/// False, with a message, where it cannot be written.
bool write_file(const std::string& path, std::string_view text);
/// The files of the command line.
lvm::Data table(const Arguments& arguments);

}  // namespace lvmc
