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

/// Code over parameters alone runs for microseconds an iteration: translating it well would cost more than it
/// ever gains.
std::unique_ptr<llvm::TargetMachine> host_machine(loop::Use use) {
  initialise_llvm();
  auto builder = take(orc::JITTargetMachineBuilder::detectHost(), "host");
  // Constants are reached relative to the code, and far functions through stubs: both are JITLink's to place.
  builder.setCodeModel(llvm::CodeModel::Small);
  builder.setRelocationModel(llvm::Reloc::PIC_);
  builder.setCodeGenOptLevel(use == loop::Use::small ? llvm::CodeGenOptLevel::None
                                                     : llvm::CodeGenOptLevel::Default);
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

std::unique_ptr<llvm::Module> make_module(const loop::Unit& unit, const std::vector<size_t>& wanted,
                                          llvm::LLVMContext& context, const llvm::TargetMachine& machine) {
  auto module = emit(unit, wanted, context);
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
  if (machine.addPassesToEmitFile(passes, stream, nullptr, kind))
    refuse("code generation", "no such file kind");
  passes.run(module);
  return std::make_unique<llvm::SmallVectorMemoryBuffer>(std::move(bytes), "lvm", false);
}

}  // namespace

loop::Target host_target() {
  loop::Target target;
  target.name = llvm::sys::getHostCPUName().str();
  auto features = llvm::sys::getHostCPUFeatures();
  // Sixteen registers hold eight vectors of two halves. With six sums (twelve of the registers) some were
  // spilled, and each addition then waits for the store before it.
  target.accumulators = features.lookup("avx512f") ? 24 : 4;
  return target;
}

struct Jit::State {
  std::map<std::string, void*> runtime_symbols;
  std::unique_ptr<orc::LLJIT> jit;
  std::map<loop::Use, std::unique_ptr<llvm::TargetMachine>> machines;
  std::mutex translating;
  int libraries = 0;

  llvm::TargetMachine& machine(loop::Use use) {
    auto& made = machines[use];
    if (!made) made = host_machine(use);
    return *made;
  }

  void start() {
    initialise_llvm();
    orc::LLJITBuilder builder;
    builder.setLinkProcessSymbolsByDefault(false);
    builder.setPlatformSetUp(orc::setUpInactivePlatform);
    jit = take(builder.create(), "jit");
    // Failed look-ups come back as errors; nothing is to be printed beside them.
    jit->getExecutionSession().setErrorReporter(
        [](llvm::Error error) { llvm::consumeError(std::move(error)); });
  }

  /// Symbols are found in the library of their unit alone.
  orc::JITDylib& new_library() {
    auto library = jit->createJITDylib(fmt::format("lvm{}", libraries++));
    if (!library) refuse("library", llvm::toString(library.takeError()));
    orc::SymbolMap symbols;
    for (const auto& [name, address] : runtime_symbols) {
      symbols[jit->mangleAndIntern(name)] = {orc::ExecutorAddr::fromPtr(address),
                                             llvm::JITSymbolFlags::Exported | llvm::JITSymbolFlags::Callable};
    }
    check(library->define(orc::absoluteSymbols(std::move(symbols))), "symbols");
    return *library;
  }

  void translate(const loop::Unit& unit, const std::vector<size_t>& wanted, loop::Use use,
                 orc::JITDylib& library) {
    llvm::LLVMContext context;
    auto module = make_module(unit, wanted, context, machine(use));
    check(jit->addObjectFile(library, generate(*module, machine(use), llvm::CodeGenFileType::ObjectFile)),
          "link");
  }

  lvm_function find(orc::JITDylib& library, size_t index) {
    return take(jit->lookup(library, symbol_name(index)), "look-up").toPtr<lvm_function>();
  }
};

namespace {

std::vector<size_t> with_use(const loop::Unit& unit, loop::Use use) {
  std::vector<size_t> found;
  for (size_t i = 0; i < unit.functions.size(); ++i) {
    if (unit.functions[i].use == use) found.push_back(i);
  }
  return found;
}

constexpr loop::Use uses[] = {loop::Use::small, loop::Use::rows, loop::Use::spare};

}  // namespace

Jit::Jit(std::map<std::string, void*> runtime_symbols) : state_(std::make_shared<State>()) {
  state_->runtime_symbols = std::move(runtime_symbols);
}
Jit::~Jit() = default;
Jit::Jit(Jit&&) noexcept = default;
Jit& Jit::operator=(Jit&&) noexcept = default;

ir::Executable Jit::compile(const loop::Unit& unit) {
  std::lock_guard lock(state_->translating);
  if (!state_->jit) state_->start();
  orc::JITDylib& library = state_->new_library();
  ir::Executable executable;
  for (loop::Use use : {loop::Use::small, loop::Use::rows}) {
    auto wanted = with_use(unit, use);
    if (!wanted.empty()) state_->translate(unit, wanted, use, library);
    for (size_t i : wanted) {
      executable[unit.functions[i].name] =
          [keep = state_, code = state_->find(library, i)](lvm_frame* frame) { return code(frame); };
    }
  }
  for (size_t i : with_use(unit, loop::Use::spare)) {
    struct Late {
      std::once_flag once;
      loop::Unit unit;
      lvm_function code = nullptr;
    };
    auto late = std::make_shared<Late>();
    late->unit.functions.resize(i + 1);
    late->unit.functions[i] = unit.functions[i];
    executable[unit.functions[i].name] = [keep = state_, late, i, &library](lvm_frame* frame) {
      std::call_once(late->once, [&] {
        std::lock_guard translating(keep->translating);
        keep->translate(late->unit, {i}, loop::Use::spare, library);
        late->code = keep->find(library, i);
      });
      return late->code(frame);
    };
  }
  return executable;
}

std::string Jit::llvm_text(const loop::Unit& unit) const {
  std::string text;
  llvm::raw_string_ostream stream(text);
  for (loop::Use use : uses) {
    llvm::LLVMContext context;
    auto wanted = with_use(unit, use);
    if (!wanted.empty()) make_module(unit, wanted, context, state_->machine(use))->print(stream, nullptr);
  }
  return text;
}

std::string Jit::assembly_text(const loop::Unit& unit) const {
  std::string text;
  for (loop::Use use : uses) {
    llvm::LLVMContext context;
    auto wanted = with_use(unit, use);
    if (wanted.empty()) continue;
    auto module = make_module(unit, wanted, context, state_->machine(use));
    text += generate(*module, state_->machine(use), llvm::CodeGenFileType::AssemblyFile)->getBuffer().str();
  }
  return text;
}

}  // namespace lvm::jit
