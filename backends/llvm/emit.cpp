#include "backends/llvm/emit.h"

#include <fmt/format.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/IntrinsicsX86.h>
#include <llvm/IR/Module.h>

#include <cstddef>

#include "ir/program/frame.h"
#include "ir/tensor/tensor.h"

namespace lvm::jit {

namespace {

using llvm::Value;
using loop::Buffer;
using loop::Instruction;
using loop::Op;
using loop::Type;

class Emitter {
 public:
  Emitter(const loop::Function& function, llvm::Module& module, llvm::Function& code)
      : function_(function),
        module_(module),
        code_(code),
        b_(module.getContext()),
        values_(function.instructions.size()) {}

  void run() {
    b_.SetInsertPoint(llvm::BasicBlock::Create(module_.getContext(), "", &code_));
    frame_ = code_.getArg(0);
    buffers_ = {nullptr,
                field(offsetof(lvm_frame, parameters)),
                field(offsetof(lvm_frame, derived)),
                field(offsetof(lvm_frame, statistics)),
                field(offsetof(lvm_frame, output)),
                field(offsetof(lvm_frame, scratch))};
    columns_ = field(offsetof(lvm_frame, columns));
    region(0);
  }

 private:
  const loop::Function& function_;
  llvm::Module& module_;
  llvm::Function& code_;
  llvm::IRBuilder<> b_;
  std::vector<Value*> values_;
  std::vector<std::vector<Value*>> loop_results_;  // by region
  Value* frame_ = nullptr;
  Value* columns_ = nullptr;
  std::array<Value*, 6> buffers_{};

  Value* operand(const Instruction& i, size_t n) const { return values_[static_cast<size_t>(i.operands[n])]; }
  Value* set(loop::Value id, Value* value) { return values_[static_cast<size_t>(id)] = value; }

  /// Marks a load of what no compiled code writes.
  llvm::LoadInst* invariant(llvm::LoadInst* load) {
    load->setMetadata(llvm::LLVMContext::MD_invariant_load, llvm::MDNode::get(module_.getContext(), {}));
    return load;
  }

  Value* field(size_t offset) {
    Value* at = b_.CreateConstInBoundsGEP1_64(b_.getInt8Ty(), frame_, offset);
    return invariant(b_.CreateAlignedLoad(b_.getPtrTy(), at, llvm::Align(8)));
  }

  llvm::Type* type(Type of) {
    switch (of) {
      case Type::none: return b_.getVoidTy();
      case Type::real: return b_.getDoubleTy();
      case Type::index: return b_.getInt64Ty();
      case Type::flag: return b_.getInt1Ty();
      case Type::reals: return llvm::FixedVectorType::get(b_.getDoubleTy(), loop::lane_count);
      case Type::integers: return llvm::FixedVectorType::get(b_.getInt64Ty(), loop::lane_count);
      case Type::flags: return llvm::FixedVectorType::get(b_.getInt1Ty(), loop::lane_count);
      case Type::pointer: return b_.getPtrTy();
      case Type::single: return b_.getFloatTy();
      case Type::singles: return llvm::FixedVectorType::get(b_.getFloatTy(), loop::lane_count);
    }
    return nullptr;
  }

  static bool is_single(Type of) { return of == Type::single || of == Type::singles; }
  llvm::Type* number(Type of) { return is_single(of) ? b_.getFloatTy() : b_.getDoubleTy(); }
  /// Rows of tiles and lanes of statistics start at whole vectors.
  static llvm::Align alignment(Type of) {
    const uint64_t bytes = is_single(of) ? sizeof(float) : sizeof(double);
    return llvm::Align(is_vector(of) ? bytes * loop::lane_count : bytes);
  }

  /// Where numbers of the type `of` lie.
  Value* place(const Instruction& i, Type of) {
    Value* base = buffers_[static_cast<size_t>(i.buffer)];
    Value* at = b_.CreateInBoundsGEP(number(of), base, operand(i, 0));
    return i.integer == 0 ? at
                          : b_.CreateConstInBoundsGEP1_64(number(of), at, static_cast<uint64_t>(i.integer));
  }

  Value* constant(const Instruction& i) {
    bool real = loop::is_number(i.type);
    llvm::Type* of = type(i.type);
    return real ? static_cast<Value*>(llvm::ConstantFP::get(of, i.number))
                : llvm::ConstantInt::get(of, static_cast<uint64_t>(i.integer), true);
  }

  Value* table(const Instruction& i) {
    std::vector<llvm::Constant*> numbers;
    for (size_t n = 1; n < i.operands.size(); ++n)
      numbers.push_back(llvm::ConstantFP::get(type(i.type), function_[i.operands[n]].number));
    auto* array = llvm::ArrayType::get(type(i.type), numbers.size());
    auto* global = new llvm::GlobalVariable(module_, array, true, llvm::GlobalValue::PrivateLinkage,
                                            llvm::ConstantArray::get(array, numbers));  // the module owns it
    Value* at = b_.CreateInBoundsGEP(type(i.type), global, operand(i, 0));
    return invariant(b_.CreateAlignedLoad(type(i.type), at, alignment(i.type)));
  }

  Value* lanes() {
    std::vector<llvm::Constant*> each;
    for (int lane = 0; lane < loop::lane_count; ++lane)
      each.push_back(llvm::ConstantFP::get(b_.getDoubleTy(), lane));
    return llvm::ConstantVector::get(each);
  }

  Value* rows() {
    Value* at = b_.CreateConstInBoundsGEP1_64(b_.getInt8Ty(), frame_, offsetof(lvm_frame, rows));
    return b_.CreateSExt(b_.CreateAlignedLoad(b_.getInt32Ty(), at, llvm::Align(4)), b_.getInt64Ty());
  }

  Value* load(const Instruction& i) {
    auto* made = b_.CreateAlignedLoad(type(i.type), place(i, i.type), alignment(i.type));
    if (i.buffer == Buffer::parameters) invariant(made);
    return made;
  }

  Value* load_column(const Instruction& i) {
    Value* slot = b_.CreateInBoundsGEP(b_.getPtrTy(), columns_, operand(i, 0));
    Value* column = invariant(b_.CreateAlignedLoad(b_.getPtrTy(), slot, llvm::Align(8)));
    Value* at = b_.CreateInBoundsGEP(number(i.type), column, operand(i, 1));
    return invariant(b_.CreateAlignedLoad(type(i.type), at, alignment(i.type)));
  }

  Value* gather(const Instruction& i) {
    Value* base = b_.CreateConstInBoundsGEP1_64(number(i.type), buffers_[static_cast<size_t>(i.buffer)],
                                                static_cast<uint64_t>(i.integer));
    Value* at = b_.CreateInBoundsGEP(number(i.type), base, operand(i, 0));
    return b_.CreateMaskedGather(type(i.type), at, llvm::Align(is_single(i.type) ? 4 : 8));
  }

  /// The exponent's bits of a float.
  Value* power_of_two(const Instruction& i) {
    llvm::Type* bits = b_.getInt32Ty();
    if (is_vector(i.type)) bits = llvm::FixedVectorType::get(bits, loop::lane_count);
    Value* n = b_.CreateFPToSI(operand(i, 0), bits);
    Value* biased = b_.CreateAdd(n, llvm::ConstantInt::get(bits, 127));
    return b_.CreateBitCast(b_.CreateShl(biased, 23), type(i.type));
  }

  Value* reduce_add(Value* vector) {
    std::vector<Value*> part;
    for (uint64_t lane = 0; lane < loop::lane_count; ++lane)
      part.push_back(b_.CreateExtractElement(vector, lane));
    while (part.size() > 1) {
      for (size_t i = 0; i < part.size() / 2; ++i) part[i] = b_.CreateFAdd(part[2 * i], part[2 * i + 1]);
      part.resize(part.size() / 2);
    }
    return part[0];
  }

  Value* call(const Instruction& i) {
    std::vector<Value*> arguments;
    std::vector<llvm::Type*> types;
    for (size_t n = 0; n < i.operands.size(); ++n) {
      arguments.push_back(operand(i, n));
      types.push_back(arguments.back()->getType());
    }
    auto callee = module_.getOrInsertFunction(llvm::StringRef(i.symbol.data(), i.symbol.size()),
                                              llvm::FunctionType::get(type(i.type), types, false));
    return b_.CreateCall(callee, arguments);
  }

  Value* intrinsic(llvm::Intrinsic::ID id, const Instruction& i) {
    std::vector<Value*> arguments;
    for (size_t n = 0; n < i.operands.size(); ++n) arguments.push_back(operand(i, n));
    return b_.CreateIntrinsic(type(i.type), id, arguments);
  }

  Value* value(const Instruction& i) {
    switch (i.op) {
      case Op::constant: return constant(i);
      case Op::lanes: return lanes();
      case Op::rows: return rows();
      case Op::table: return table(i);
      case Op::broadcast: return b_.CreateVectorSplat(loop::lane_count, operand(i, 0));
      case Op::convert: return b_.CreateFPCast(operand(i, 0), type(i.type));
      case Op::load: return load(i);
      case Op::store: {
        const Type of = function_[i.operands[1]].type;
        return b_.CreateAlignedStore(operand(i, 1), place(i, of), alignment(of));
      }
      case Op::load_column: return load_column(i);
      case Op::gather: return gather(i);
      case Op::address: return place(i, Type::real);
      case Op::add: return b_.CreateFAdd(operand(i, 0), operand(i, 1));
      case Op::sub: return b_.CreateFSub(operand(i, 0), operand(i, 1));
      case Op::mul: return b_.CreateFMul(operand(i, 0), operand(i, 1));
      case Op::div: return b_.CreateFDiv(operand(i, 0), operand(i, 1));
      case Op::fma: return intrinsic(llvm::Intrinsic::fma, i);
      case Op::neg: return b_.CreateFNeg(operand(i, 0));
      case Op::abs: return intrinsic(llvm::Intrinsic::fabs, i);
      case Op::sqrt: return intrinsic(llvm::Intrinsic::sqrt, i);
      case Op::floor: return intrinsic(llvm::Intrinsic::floor, i);
      case Op::round_even: return intrinsic(llvm::Intrinsic::roundeven, i);
      case Op::maximum:
        return b_.CreateSelect(b_.CreateFCmpOGT(operand(i, 0), operand(i, 1)), operand(i, 0), operand(i, 1));
      case Op::minimum:
        return b_.CreateSelect(b_.CreateFCmpOLT(operand(i, 0), operand(i, 1)), operand(i, 0), operand(i, 1));
      case Op::bits:
      case Op::from_bits: return b_.CreateBitCast(operand(i, 0), type(i.type));
      case Op::power_of_two: return power_of_two(i);
      case Op::to_real: return b_.CreateSIToFP(operand(i, 0), type(i.type));
      case Op::to_index: return b_.CreateFPToSI(operand(i, 0), type(i.type));
      case Op::int_add: return b_.CreateAdd(operand(i, 0), operand(i, 1));
      case Op::int_sub: return b_.CreateSub(operand(i, 0), operand(i, 1));
      case Op::int_mul: return b_.CreateMul(operand(i, 0), operand(i, 1));
      case Op::int_and:
      case Op::flag_and: return b_.CreateAnd(operand(i, 0), operand(i, 1));
      case Op::int_or:
      case Op::flag_or: return b_.CreateOr(operand(i, 0), operand(i, 1));
      case Op::int_xor: return b_.CreateXor(operand(i, 0), operand(i, 1));
      case Op::int_min: return intrinsic(llvm::Intrinsic::smin, i);
      case Op::flag_not: return b_.CreateNot(operand(i, 0));
      case Op::shift_left: return b_.CreateShl(operand(i, 0), static_cast<uint64_t>(i.integer));
      case Op::shift_right: return b_.CreateLShr(operand(i, 0), static_cast<uint64_t>(i.integer));
      case Op::int_equal: return b_.CreateICmpEQ(operand(i, 0), operand(i, 1));
      case Op::int_less: return b_.CreateICmpSLT(operand(i, 0), operand(i, 1));
      case Op::less: return b_.CreateFCmpOLT(operand(i, 0), operand(i, 1));
      case Op::less_equal: return b_.CreateFCmpOLE(operand(i, 0), operand(i, 1));
      case Op::equal: return b_.CreateFCmpOEQ(operand(i, 0), operand(i, 1));
      case Op::select: return b_.CreateSelect(operand(i, 0), operand(i, 1), operand(i, 2));
      case Op::reduce_add: return reduce_add(operand(i, 0));
      case Op::loop_for: loop(i); return nullptr;
      case Op::result:
        return loop_results_[static_cast<size_t>(function_[i.operands[0]].region)]
                            [static_cast<size_t>(i.integer)];
      case Op::call: return call(i);
      case Op::leave: return b_.CreateRet(b_.CreateTrunc(operand(i, 0), b_.getInt32Ty()));
      case Op::induction:
      case Op::carried:
      case Op::yield: return nullptr;
    }
    return nullptr;
  }

  /// Rotated, as code generation wants it: guard, body, test at the bottom.
  void loop(const Instruction& i) {
    const loop::Region& body = function_.regions[static_cast<size_t>(i.region)];
    llvm::BasicBlock* before = b_.GetInsertBlock();
    auto* inside = llvm::BasicBlock::Create(module_.getContext(), "", &code_);
    auto* after = llvm::BasicBlock::Create(module_.getContext(), "", &code_);
    Value *from = operand(i, 0), *to = operand(i, 1);
    b_.CreateCondBr(b_.CreateICmpSLT(from, to), inside, after);
    b_.SetInsertPoint(inside);
    std::vector<llvm::PHINode*> phis;
    for (size_t n = 0; n < body.arguments.size(); ++n) {
      auto* phi = b_.CreatePHI(type(function_[body.arguments[n]].type), 2);
      phi->addIncoming(n == 0 ? from : operand(i, n + 1), before);
      phis.push_back(phi);
      set(body.arguments[n], phi);
    }
    region(i.region);
    const Instruction& yield = function_[body.body.back()];
    Value* next = b_.CreateNSWAdd(phis[0], b_.getInt64(static_cast<uint64_t>(i.integer)));
    llvm::BasicBlock* end = b_.GetInsertBlock();
    phis[0]->addIncoming(next, end);
    for (size_t n = 1; n < phis.size(); ++n) phis[n]->addIncoming(operand(yield, n - 1), end);
    b_.CreateCondBr(b_.CreateICmpSLT(next, to), inside, after);
    b_.SetInsertPoint(after);
    std::vector<Value*> results;
    for (size_t n = 1; n < phis.size(); ++n) {
      auto* phi = b_.CreatePHI(phis[n]->getType(), 2);
      phi->addIncoming(operand(i, n + 1), before);
      phi->addIncoming(operand(yield, n - 1), end);
      results.push_back(phi);
    }
    if (loop_results_.size() < function_.regions.size()) loop_results_.resize(function_.regions.size());
    loop_results_[static_cast<size_t>(i.region)] = std::move(results);
  }

  void region(int32_t which) {
    for (loop::Value id : function_.regions[static_cast<size_t>(which)].body) set(id, value(function_[id]));
  }
};

}  // namespace

std::string symbol_name(size_t index) {
  return fmt::format("lvm_function_{}", index);
}

std::unique_ptr<llvm::Module> emit(const loop::Unit& unit, const std::vector<size_t>& wanted,
                                   llvm::LLVMContext& context) {
  auto module = std::make_unique<llvm::Module>("lvm", context);
  auto* type =
      llvm::FunctionType::get(llvm::Type::getInt32Ty(context), {llvm::PointerType::get(context, 0)}, false);
  for (size_t i : wanted) {
    auto* code = llvm::Function::Create(type, llvm::Function::ExternalLinkage, symbol_name(i), *module);
    code->setDoesNotThrow();
    Emitter(unit.functions[i], *module, *code).run();
  }
  return module;
}

}  // namespace lvm::jit
