#include "backends/llvm/jit.h"

#include <fmt/format.h>
#include <llvm/ADT/StringMap.h>
#include <llvm/ExecutionEngine/Orc/LLJIT.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Support/SmallVectorMemoryBuffer.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/TargetParser/Host.h>

#include <mutex>

#include "backends/llvm/emit.h"

namespace lvm::jit {

namespace {

namespace orc = llvm::orc;

[[noreturn]] void refuse(std::string_view what, const std::string& reason) {
  throw ir::InternalError(fmt::format("machine code: {}: {}", what, reason));
}

template <class T>
T take(llvm::Expected<T> made, std::string_view what) {
  if (!made) refuse(what, llvm::toString(made.takeError()));
  return std::move(*made);
}

void check(llvm::Error error, std::string_view what) {
  if (error) refuse(what, llvm::toString(std::move(error)));
}

void initialise_llvm() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
  });
}

std::unique_ptr<llvm::TargetMachine> host_machine() {
  initialise_llvm();
  auto builder = take(orc::JITTargetMachineBuilder::detectHost(), "host");
  builder.setCodeGenOptLevel(llvm::CodeGenOptLevel::Default);
  return take(builder.createTargetMachine(), "target");
}

/// Functions carry the processor they are for; 512 bits are only used where the processor has them.
void prepare(llvm::Module& module, const llvm::TargetMachine& machine) {
  module.setDataLayout(machine.createDataLayout());
  module.setTargetTriple(machine.getTargetTriple().str());
  for (llvm::Function& function : module) {
    if (function.isDeclaration()) continue;
    function.addFnAttr("target-cpu", machine.getTargetCPU());
    function.addFnAttr("target-features", machine.getTargetFeatureString());
    function.addFnAttr("prefer-vector-width", "512");
    function.addFnAttr("min-legal-vector-width", "512");
  }
}

std::unique_ptr<llvm::Module> make_module(const loop::Unit& unit, llvm::LLVMContext& context,
                                          const llvm::TargetMachine& machine) {
  auto module = emit(unit, context);
  std::string faults;
  llvm::raw_string_ostream stream(faults);
  if (llvm::verifyModule(*module, &stream)) refuse("emitted code is not well formed", faults);
  prepare(*module, machine);
  return module;
}

std::unique_ptr<llvm::MemoryBuffer> generate(llvm::Module& module, llvm::TargetMachine& machine,
                                             llvm::CodeGenFileType kind) {
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, kind)) refuse("code generation", "no such file kind");
  passes.run(module);
  return std::make_unique<llvm::SmallVectorMemoryBuffer>(std::move(bytes), "lvm", false);
}

}  // namespace

loop::Target host_target() {
  loop::Target target;
  target.name = llvm::sys::getHostCPUName().str();
  auto features = llvm::sys::getHostCPUFeatures();
  // Sixteen registers hold eight vectors of two halves; operands and products need a few of them.
  target.accumulators = features.lookup("avx512f") ? 24 : 6;
  return target;
}

struct Jit::State {
  std::map<std::string, void*> runtime_symbols;
  std::unique_ptr<llvm::TargetMachine> machine = host_machine();
  std::unique_ptr<orc::LLJIT> jit;
  int libraries = 0;

  void start() {
    orc::LLJITBuilder builder;
    builder.setLinkProcessSymbolsByDefault(false);
    builder.setPlatformSetUp(orc::setUpInactivePlatform);
    jit = take(builder.create(), "jit");
  }

  orc::JITDylib& new_library() {
    auto& library = take<std::reference_wrapper<orc::JITDylib>>(
                        [&]() -> llvm::Expected<std::reference_wrapper<orc::JITDylib>> {
                          auto made = jit->createJITDylib(fmt::format("lvm{}", libraries++));
                          if (!made) return made.takeError();
                          return std::ref(*made);
                        }(),
                        "library")
                        .get();
    orc::SymbolMap symbols;
    for (const auto& [name, address] : runtime_symbols) {
      symbols[jit->mangleAndIntern(name)] = {orc::ExecutorAddr::fromPtr(address),
                                             llvm::JITSymbolFlags::Exported | llvm::JITSymbolFlags::Callable};
    }
    check(library.define(orc::absoluteSymbols(std::move(symbols))), "symbols");
    return library;
  }
};

Jit::Jit(std::map<std::string, void*> runtime_symbols) : state_(std::make_shared<State>()) {
  state_->runtime_symbols = std::move(runtime_symbols);
}
Jit::~Jit() = default;
Jit::Jit(Jit&&) noexcept = default;
Jit& Jit::operator=(Jit&&) noexcept = default;

ir::Executable Jit::compile(const loop::Unit& unit) {
  if (!state_->jit) state_->start();
  llvm::LLVMContext context;
  auto module = make_module(unit, context, *state_->machine);
  auto object = generate(*module, *state_->machine, llvm::CodeGenFileType::ObjectFile);
  orc::JITDylib& library = state_->new_library();
  check(state_->jit->addObjectFile(library, std::move(object)), "link");
  ir::Executable executable;
  for (size_t i = 0; i < unit.functions.size(); ++i) {
    auto address = take(state_->jit->lookup(library, symbol_name(i)), "look-up");
    executable[unit.functions[i].name] = [keep = state_, code = address.toPtr<lvm_function>()](lvm_frame* frame) {
      return code(frame);
    };
  }
  return executable;
}

std::string Jit::llvm_text(const loop::Unit& unit) const {
  llvm::LLVMContext context;
  auto module = make_module(unit, context, *state_->machine);
  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream, nullptr);
  return text;
}

std::string Jit::assembly_text(const loop::Unit& unit) const {
  llvm::LLVMContext context;
  auto module = make_module(unit, context, *state_->machine);
  auto text = generate(*module, *state_->machine, llvm::CodeGenFileType::AssemblyFile);
  return text->getBuffer().str();
}

}  // namespace lvm::jit
