// lvmc: arguments -> library -> printing.

#include <exception>

#include <fmt/format.h>

#include "commands.h"
#include "console.h"
#include "exit_codes.h"

namespace {

int dispatch(const lvmc::Arguments& arguments) {
  if (arguments.command == "run") return lvmc::run(arguments);
  if (arguments.command == "check") return lvmc::check(arguments);
  if (arguments.command == "explain") return lvmc::explain(arguments);
  if (arguments.command == "score") return lvmc::score(arguments);
  if (arguments.command == "infer") return lvmc::infer(arguments);
  if (arguments.command == "sample") return lvmc::sample(arguments);
  if (arguments.command == "draw") return lvmc::draw(arguments);
  if (arguments.command == "impute") return lvmc::impute(arguments);
  if (arguments.command == "doctor") return lvmc::doctor(arguments);
  if (arguments.command == "completion") return lvmc::completion(arguments);
  return lvmc::format(arguments);
}

}  // namespace

int main(int count, char** values) {
  lvmc::ignore_broken_pipes();
  try {
    const lvmc::Parsed parsed = lvmc::parse_arguments(count, values);
    if (parsed.arguments) return dispatch(*parsed.arguments);
    lvmc::write_error(parsed.error);
    return lvmc::write_out(parsed.out) ? parsed.exit_code : lvmc::files;
  } catch (const std::exception& error) {
    lvmc::write_error(fmt::format("lvmc: internal error, a fault of lvm: {}\n", error.what()));
    return lvmc::internal;
  }
}
