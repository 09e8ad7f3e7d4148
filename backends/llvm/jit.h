#pragma once
// Loop -> LLVM IR -> machine code in this process. No page is both writable and executable, and no symbol of
// the process is visible but those handed in. The only header of this folder that others include; it names no
// LLVM type.

#include <map>
#include <memory>
#include <string>

#include "ir/loop/schedule.h"
#include "ir/program/program.h"

namespace lvm::jit {

/// What the processor under us can do.
loop::Target host_target();

class Jit {
 public:
  /// The functions that compiled code may call, by the names in `loop::runtime_symbols`.
  explicit Jit(std::map<std::string, void*> runtime_symbols);
  ~Jit();
  Jit(Jit&&) noexcept;
  Jit& operator=(Jit&&) noexcept;

  /// Throws ir::InternalError where LLVM refuses the code. The result keeps what it needs alive: it may
  /// outlive the Jit.
  ir::Executable compile(const loop::Unit& unit);

  /// The text of `--emit=llvm` and `--emit=asm`.
  std::string llvm_text(const loop::Unit& unit) const;
  std::string assembly_text(const loop::Unit& unit) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace lvm::jit
