#include "completion.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace lvmc {
namespace {

/// Inside of single quotes of a POSIX shell.
std::string quoted(const std::string& text) {
  std::string to;
  for (const char c : text) to += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return to;
}

std::string bash(const std::vector<CommandOutline>& commands) {
  std::vector<std::string> names;
  std::string options, values;
  for (const CommandOutline& command : commands) {
    names.push_back(command.name);
    std::vector<std::string> all;
    for (const OptionOutline& option : command.options) {
      all.insert(all.end(), option.names.begin(), option.names.end());
      if (option.choices.empty()) continue;
      values += fmt::format("    {}:{}) COMPREPLY=($(compgen -W '{}' -- \"$word\")); return ;;\n",
                            command.name, fmt::join(option.names, fmt::format("|{}:", command.name)),
                            fmt::join(option.choices, " "));
    }
    options += fmt::format("    {}) options='{}' ;;\n", command.name, fmt::join(all, " "));
  }
  return fmt::format(R"(# bash: source <(lvmc completion bash), or a file of bash-completion
_lvmc() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} command=${{COMP_WORDS[1]}} options=
  if (( COMP_CWORD == 1 )); then
    COMPREPLY=($(compgen -W '{} --help --version' -- "$word"))
    return
  fi
  case $command:$before in
{}  esac
  case $command in
{}  esac
  if [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "$options --help" -- "$word"))
  else
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}}
complete -o filenames -F _lvmc lvmc
)",
                     fmt::join(names, " "), values, options);
}

std::string zsh(const std::vector<CommandOutline>& commands) {
  std::string list, cases;
  for (const CommandOutline& command : commands) {
    list += fmt::format("    '{}:{}'\n", command.name, quoted(command.what));
    cases += fmt::format("    {})\n      _arguments \\\n", command.name);
    for (const OptionOutline& option : command.options) {
      for (const std::string& name : option.names) {
        std::string what = quoted(option.what);
        for (const auto& [from, to] : {std::pair("[", "("), std::pair("]", ")"), std::pair(":", "\\:")}) {
          for (size_t at = what.find(from); at != std::string::npos; at = what.find(from, at + 2))
            what.replace(at, 1, to);
        }
        const std::string value = !option.takes_value ? ""
                                  : option.choices.empty()
                                      ? ":value:_files"
                                      : fmt::format(":value:({})", fmt::join(option.choices, " "));
        cases += fmt::format("        '*{}[{}]{}' \\\n", name, what, value);
      }
    }
    cases += "        '*:file:_files'\n      ;;\n";
  }
  return fmt::format(R"(#compdef lvmc
_lvmc() {{
  local -a commands=(
{}  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
{}  esac
}}
compdef _lvmc lvmc
)",
                     list, cases);
}

std::string fish(const std::vector<CommandOutline>& commands) {
  std::string text = "complete -c lvmc -f -n __fish_use_subcommand\n";
  for (const CommandOutline& command : commands) {
    text += fmt::format("complete -c lvmc -n __fish_use_subcommand -a {} -d '{}'\n", command.name,
                        quoted(command.what));
    for (const OptionOutline& option : command.options) {
      text += fmt::format("complete -c lvmc -n '__fish_seen_subcommand_from {}'", command.name);
      for (const std::string& name : option.names)
        text += name.starts_with("--") ? fmt::format(" -l {}", name.substr(2))
                                       : fmt::format(" -s {}", name.substr(1));
      if (option.takes_value) text += " -r";
      if (!option.choices.empty()) text += fmt::format(" -f -a '{}'", fmt::join(option.choices, " "));
      text += fmt::format(" -d '{}'\n", quoted(option.what));
    }
  }
  return text;
}

}  // namespace

std::string completion_script(const std::string& shell, const std::vector<CommandOutline>& commands) {
  if (shell == "bash") return bash(commands);
  return shell == "zsh" ? zsh(commands) : fish(commands);
}

}  // namespace lvmc
