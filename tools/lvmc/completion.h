#pragma once
// What a shell completes: the commands and their options, as the command line itself declares them.

#include <string>
#include <vector>

namespace lvmc {

struct OptionOutline {
  std::vector<std::string> names;    // "--set", "-q"
  std::vector<std::string> choices;  // of its value; empty: anything
  std::string what;
  bool takes_value = false;
};

struct CommandOutline {
  std::string name, what;
  std::vector<OptionOutline> options;
};

inline constexpr const char* shells[] = {"bash", "zsh", "fish"};

/// A script for one of `shells`.
std::string completion_script(const std::string& shell, const std::vector<CommandOutline>& commands);

}  // namespace lvmc
