#include "runtime/assignments.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "runtime/kmeans.h"

namespace lvm::runtime {
namespace {

constexpr int64_t rows_a_cluster = 4;         // fewer: the latents of a block are started one by one
constexpr uint32_t other_stream = 1U << 24U;  // random numbers of each latent beside those of the restarts

using Latents = std::vector<ir::StartLatent>;

/// The variables that k-means looks at: those of the block, and no labels.
std::vector<std::string> features(const ir::StartLatent& latent, const Latents& all, const BoundData& data) {
  std::vector<std::string> names = latent.features;
  if (names.empty()) {
    for (const BoundVariable& v : data.variables) {
      if (v.role == ir::Role::data) names.push_back(v.name);
    }
  }
  std::erase_if(names, [&](const std::string& name) {
    return std::any_of(all.begin(), all.end(), [&](const auto& other) { return other.latent == name; });
  });
  return names;
}

const double* labels_of(const ir::StartLatent& latent, const BoundData& data) {
  if (!latent.observed) return nullptr;
  const BoundVariable* v = data.find(latent.latent);
  if (!v) throw ir::InternalError("the labels of `" + latent.latent + "` are not bound");
  return data.packed.column(v->first).packed();
}

int64_t counted_rows(const BoundData& data) {
  int64_t count = 0;
  for (int64_t i = 0; i < data.rows; ++i) count += data.counts(i) ? 1 : 0;
  return count;
}

/// The values of a block's latents from one number: the last latent's run fastest.
void split(const std::vector<double>& clusters, const std::vector<size_t>& block, const Latents& latents,
           std::vector<std::vector<double>>& out) {
  for (const double cluster : clusters) {
    auto rest = static_cast<int64_t>(cluster);
    for (size_t i = block.size(); i-- > 0;) {
      const int64_t states = latents[block[i]].states;
      out[block[i]].push_back(static_cast<double>(rest % states));
      rest /= states;
    }
  }
}

/// Numbers the values of a latent by the mean of a variable over their rows, from the smallest.
void put_in_order(std::vector<double>& assignment, const ir::StartLatent& latent, const BoundData& data) {
  const BoundVariable* v = data.find(latent.in_order);
  if (!v) throw ir::InternalError("the variable `" + latent.in_order + "` is not bound");
  const auto states = static_cast<size_t>(latent.states);
  std::vector<double> sum(states, 0), count(states, 0);
  for (int64_t row = 0; row < data.rows; ++row) {
    const auto state = static_cast<size_t>(assignment[static_cast<size_t>(row)]);
    for (int64_t e = 0; data.counts(row) && e < v->size; ++e) {
      const double cell = data.packed.column(v->first + e)[row];
      if (std::isnan(cell)) continue;
      const double w = data.weights ? data.weights[row] : 1;
      sum[state] += w * cell;
      count[state] += w;
    }
  }
  std::vector<size_t> by_mean(states);
  std::iota(by_mean.begin(), by_mean.end(), size_t{0});
  const auto mean = [&](size_t state) { return count[state] > 0 ? sum[state] / count[state] : 0; };
  std::ranges::sort(by_mean, {}, [&](size_t state) { return std::pair(mean(state), state); });
  std::vector<double> number(states);
  for (size_t i = 0; i < states; ++i) number[by_mean[i]] = static_cast<double>(i);
  for (double& state : assignment) state = number[static_cast<size_t>(state)];
}

}  // namespace

std::vector<std::vector<double>> start_assignments(const Latents& latents, const BoundData& data,
                                                   uint64_t seed, uint32_t restart, Pool& pool) {
  std::vector<std::vector<double>> out(latents.size());
  const int64_t rows = counted_rows(data);
  for (size_t first = 0; first < latents.size(); ++first) {
    if (!out[first].empty()) continue;
    // Labels say which cluster is which value, so latents that have some are clustered by themselves.
    std::vector<size_t> block, alone;
    int64_t clusters = 1;
    for (size_t i = first; i < latents.size(); ++i) {
      if (latents[i].block != latents[first].block) continue;
      (latents[i].observed ? alone : block).push_back(i);
      if (!latents[i].observed && clusters <= rows) clusters *= latents[i].states;
    }
    const std::vector<std::string> names = features(latents[first], latents, data);
    const auto stream = [&](size_t i) { return restart + other_stream * static_cast<uint32_t>(i); };
    if (block.size() > 1 && clusters * rows_a_cluster <= rows) {
      split(kmeans_assignment(data, {clusters, names, latents[first].angles, nullptr}, seed,
                              stream(block.front()), pool),
            block, latents, out);
    } else {
      alone.insert(alone.end(), block.begin(), block.end());
    }
    for (const size_t i : alone) {
      const double* labels = labels_of(latents[i], data);
      out[i] = kmeans_assignment(data, {latents[i].states, names, latents[i].angles, labels}, seed, stream(i),
                                 pool);
    }
  }
  for (size_t i = 0; i < latents.size(); ++i) {
    if (!latents[i].in_order.empty() && !latents[i].observed) put_in_order(out[i], latents[i], data);
  }
  return out;
}

}  // namespace lvm::runtime
