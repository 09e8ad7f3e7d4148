#include "runtime/bfloat16.h"

#include <stdexcept>

#if defined(LVM_ONEDNN) && defined(__x86_64__)

#include <immintrin.h>

#include <array>
#include <map>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>
#include <vector>

#include "runtime/one_thread.h"

namespace lvm::runtime {
namespace {

/// What oneDNN has made for one shape. Each thread has its own: the numbers' places change from call to call.
struct Made {
  dnnl::matmul product;
  dnnl::memory left, right, result, scratch;
  std::unordered_map<int, dnnl::memory> operands;
};

const dnnl::engine& engine() {
  static const dnnl::engine made(dnnl::engine::kind::cpu, 0);
  return made;
}

Made make(const MatrixProduct& p) {
  using Type = dnnl::memory::data_type;
  const auto matrix = [](int64_t rows, int64_t columns, int64_t stride, bool transposed, Type type) {
    return dnnl::memory::desc({rows, columns}, type,
                              transposed ? dnnl::memory::dims{1, stride} : dnnl::memory::dims{stride, 1});
  };
  const auto left = matrix(p.m, p.k, p.left_stride, p.left_transposed, Type::bf16),
             right = matrix(p.k, p.n, p.right_stride, p.right_transposed, Type::bf16);
  const auto result = matrix(p.m, p.n, p.result_stride, false, Type::f32);
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (p.add) {
    dnnl::post_ops after;
    after.append_sum(1.0F);
    attributes.set_post_ops(after);
  }
  const dnnl::matmul::primitive_desc chosen(dnnl::matmul::desc(left, right, result), attributes, engine());
  const auto placed = [](const dnnl::memory::desc& shape) { return dnnl::memory(shape, engine(), nullptr); };
  Made made{dnnl::matmul(chosen),
            placed(left),
            placed(right),
            placed(result),
            placed(chosen.scratchpad_desc()),
            {}};
  made.operands = {{DNNL_ARG_SRC, made.left},
                   {DNNL_ARG_WEIGHTS, made.right},
                   {DNNL_ARG_DST, made.result},
                   {DNNL_ARG_SCRATCHPAD, made.scratch}};
  return made;
}

Made& made_for(const MatrixProduct& p) {
  using Key = std::array<int64_t, 7>;
  thread_local std::map<Key, Made> all;
  const Key key = {p.left_transposed + 2 * p.right_transposed + 4 * p.add,
                   p.m,
                   p.n,
                   p.k,
                   p.left_stride,
                   p.right_stride,
                   p.result_stride};
  const auto found = all.find(key);
  return found == all.end() ? all.emplace(key, make(p)).first->second : found->second;
}

/// Room for one product at a time.
void* scratch_of_thread(size_t bytes) {
  constexpr size_t page = 4096;
  thread_local std::vector<char> room;
  if (room.size() < bytes + page) room.resize(bytes + page);
  const auto address = reinterpret_cast<uintptr_t>(room.data());
  return room.data() + (page - address % page);
}

__attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16"))) void narrow_lanes(const float* from,
                                                                                  int64_t count,
                                                                                  Bfloat16* to) {
  constexpr int64_t lanes = 32;
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const __m512bh both =
        _mm512_cvtne2ps_pbh(_mm512_loadu_ps(from + i + lanes / 2), _mm512_loadu_ps(from + i));
    _mm512_storeu_si512(to + i, reinterpret_cast<__m512i>(both));
  }
  for (; i < count; i += lanes / 2) {
    const auto some = static_cast<__mmask16>(count - i >= lanes / 2 ? 0xffff : (1 << (count - i)) - 1);
    const __m256bh half = _mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(some, from + i));
    _mm256_mask_storeu_epi16(to + i, some, reinterpret_cast<__m256i>(half));
  }
}

}  // namespace

bool has_bfloat16() {
  // Sets of instructions are bits; a set that has others among it has their bits.
  constexpr auto wanted = static_cast<unsigned>(dnnl::cpu_isa::avx512_core_bf16);
  static const bool has = (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) & wanted) == wanted;
  return has;
}

void narrow(const float* from, int64_t count, Bfloat16* to) {
  narrow_lanes(from, count, to);
}

void multiply(const MatrixProduct& shape, const Bfloat16* left, const Bfloat16* right, float* result) {
  static const dnnl::stream stream(engine());
  const OneThread one;
  Made& made = made_for(shape);
  made.left.set_data_handle(const_cast<Bfloat16*>(left));
  made.right.set_data_handle(const_cast<Bfloat16*>(right));
  made.result.set_data_handle(result);
  made.scratch.set_data_handle(scratch_of_thread(made.scratch.get_desc().get_size()));
  made.product.execute(stream, made.operands);
}

}  // namespace lvm::runtime

#else

namespace lvm::runtime {

bool has_bfloat16() {
  return false;
}
void narrow(const float*, int64_t, Bfloat16*) {
  throw std::logic_error("bfloat16 numbers on a processor that has none");
}
void multiply(const MatrixProduct&, const Bfloat16*, const Bfloat16*, float*) {
  throw std::logic_error("bfloat16 products on a processor that has none");
}

}  // namespace lvm::runtime

#endif
