#include "runtime/forward_backward.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lvm::runtime {
namespace {

constexpr double lost = 1e-250;  // beside the other states of a step: what later steps make of it may be lost
constexpr double recovered = 1e-150;  // a prediction to which lost states have added nothing that counts
constexpr double least = 1e-300;
constexpr double infinity = std::numeric_limits<double>::infinity();

/// A state that is lost goes where no other does.
bool is_missed(const ChainShape& s, const std::vector<char>& gone, const double* transition,
               const double* predicted) {
  for (int64_t h = 0; h < s.words; ++h) {
    for (int64_t o = 0; o < s.letters; ++o) {
      if (!gone[static_cast<size_t>(h * s.letters + o)]) continue;
      for (int64_t z = 0; z < s.letters; ++z) {
        const int64_t zh = z * s.words + h;
        if (transition[zh * s.letters + o] > 0 && predicted[zh] < recovered) return true;
      }
    }
  }
  return false;
}

/// Which states that could have been are not among those that are kept; true where there is one.
bool find_gone(const double* filtered, const double* predicted, std::vector<char>& gone) {
  bool some = false;
  for (size_t k = 0; k < gone.size(); ++k) {
    gone[k] = predicted[k] > 0 && !(filtered[k] >= lost);
    some = some || gone[k];
  }
  return some;
}

/// Of one letter, padded to a known number: all of a step is in registers.
template <int N>
struct Single {
  static void predict(const double* before, const double* turned, double* p) {
    double sum[N] = {};
    for (int o = 0; o < N; ++o) {
      for (int z = 0; z < N; ++z) sum[z] += before[o] * turned[o * N + z];
    }
    std::copy(sum, sum + N, p);
  }
  static void spread_back(const double* ratio, const double* straight, double* to) {
    double sum[N] = {};
    for (int z = 0; z < N; ++z) {
      for (int o = 0; o < N; ++o) sum[o] += ratio[z] * straight[z * N + o];
    }
    std::copy(sum, sum + N, to);
  }
};

void predict_words(const ChainShape& s, const double* before, const double* transition, double* p) {
  for (int64_t zh = 0; zh < s.states; ++zh) {
    const double* from = before + zh % s.words * s.letters;
    const double* t = transition + zh * s.letters;
    double sum = 0;
    for (int64_t o = 0; o < s.letters; ++o) sum += from[o] * t[o];
    p[zh] = sum;
  }
}

/// Of a step with fewer steps before it than a word has letters: everything may follow.
void predict_first(const ChainShape& s, const double* before, int64_t t, double* p) {
  for (int64_t zh = 0; zh < s.states; ++zh) {
    const int64_t h = zh % s.words;
    double sum = 0;
    if (t == 0) sum = h == 0 ? 1 : 0;
    for (int64_t o = 0; t > 0 && o < s.letters; ++o) sum += before[h * s.letters + o];
    p[zh] = sum;
  }
}

struct Predictor {
  const ChainShape& s;
  const Transitions& transitions;

  void operator()(const double* before, int64_t t, double* p) const {
    if (t < s.order) return predict_first(s, before, t, p);
    if (!transitions.turned) return predict_words(s, before, transitions.at(t), p);
    switch (s.stride) {
      case 4: return Single<4>::predict(before, transitions.turned, p);
      case 8: return Single<8>::predict(before, transitions.turned, p);
      case 16: return Single<16>::predict(before, transitions.turned, p);
    }
    std::fill(p, p + s.stride, 0.0);
    for (int64_t o = 0; o < s.letters; ++o) {
      const double* row = transitions.turned + o * s.stride;
      const double a = before[o];
      for (int64_t z = 0; z < s.stride; ++z) p[z] += a * row[z];
    }
  }
};

/// g_{t-1}(h, o) but for a_{t-1}(h, o), from r = g_t / p_t.
void spread_back(const ChainShape& s, const Transitions& transitions, int64_t t, const double* ratio,
                 double* to) {
  switch (transitions.straight ? s.stride : 0) {
    case 4: return Single<4>::spread_back(ratio, transitions.straight, to);
    case 8: return Single<8>::spread_back(ratio, transitions.straight, to);
    case 16: return Single<16>::spread_back(ratio, transitions.straight, to);
  }
  const double* transition = transitions.at(t);
  std::fill(to, to + s.states, 0.0);
  for (int64_t zh = 0; zh < s.states; ++zh) {
    const double r = ratio[zh];
    const double* row = transition + zh * s.letters;
    double* out = to + zh % s.words * s.letters;
    for (int64_t o = 0; o < s.letters; ++o) out[o] += r * row[o];
  }
}

void spread_back_first(const ChainShape& s, const double* ratio, double* to) {
  std::fill(to, to + s.states, 0.0);
  for (int64_t zh = 0; zh < s.states; ++zh) {
    double* out = to + zh % s.words * s.letters;
    for (int64_t o = 0; o < s.letters; ++o) out[o] += ratio[zh];
  }
}

double log_sum(const double* x, int64_t count) {
  const double peak = *std::max_element(x, x + count);
  if (!(peak > -infinity) || peak == infinity) return peak;
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += std::exp(x[i] - peak);
  return peak + std::log(sum);
}

}  // namespace

ChainShape chain_shape(int64_t letters, int64_t order) {
  ChainShape s{.letters = letters, .order = order, .words = 1, .states = letters, .stride = 0};
  for (int64_t i = 1; i < order; ++i) s.words *= letters;
  s.states = letters * s.words;
  s.stride = s.states <= 4 ? 4 : (s.states + 7) / 8 * 8;
  return s;
}

bool forward(const ChainShape& s, const Transitions& transitions, const SeriesPass& pass) {
  const Predictor predict{s, transitions};
  std::vector<double> p(static_cast<size_t>(s.stride));
  const std::vector<double> ones(s.order > 1 ? static_cast<size_t>(s.states * s.letters) : 0,
                                 1.0);  // T of the first steps
  std::vector<char> gone(static_cast<size_t>(s.states));
  bool some_gone = false;
  for (int64_t t = 0; t < pass.steps; ++t) {
    double* a = pass.filtered + t * s.stride;
    predict(t > 0 ? a - s.stride : nullptr, t, p.data());
    if (some_gone && is_missed(s, gone, t < s.order ? ones.data() : transitions.at(t), p.data()))
      return false;
    double c = 0;
    for (int64_t k = 0; k < s.stride; ++k) {
      a[k] *= p[static_cast<size_t>(k)];
      c += a[k];
    }
    pass.scale[t] = c;
    if (!(c > recovered)) {
      if (c >= 0) return false;
      c = 1;  // no number: the objective says so
    }
    const double share = 1 / c;
    double smallest = 1;
    for (int64_t k = 0; k < s.stride; ++k) a[k] *= share;
    for (int64_t k = 0; k < s.states; ++k) smallest = std::min(smallest, a[k]);
    some_gone = !(smallest >= lost) && find_gone(a, p.data(), gone);
  }
  return true;
}

void backward(const ChainShape& s, const Transitions& transitions, const SeriesPass& pass) {
  const Predictor predict{s, transitions};
  std::vector<double> p(static_cast<size_t>(s.stride)), ratio(static_cast<size_t>(s.stride));
  const int64_t last = pass.steps - 1;
  std::copy_n(pass.filtered + last * s.stride, s.stride, pass.smoothed + last * s.stride);
  for (int64_t t = last; t > 0; --t) {
    const double* g = pass.smoothed + t * s.stride;
    const double* a = pass.filtered + (t - 1) * s.stride;
    double* to = pass.smoothed + (t - 1) * s.stride;
    predict(a, t, p.data());
    for (int64_t k = 0; k < s.states; ++k)
      ratio[static_cast<size_t>(k)] = p[static_cast<size_t>(k)] > 0 ? g[k] / p[static_cast<size_t>(k)] : 0;
    if (t < s.order) {
      spread_back_first(s, ratio.data(), to);
    } else {
      spread_back(s, transitions, t, ratio.data(), to);
    }
    double sum = 0;
    for (int64_t k = 0; k < s.states; ++k) {
      to[k] *= a[k];
      sum += to[k];
    }
    const double share = 1 / sum;
    for (int64_t k = 0; k < s.states; ++k) to[k] *= share;
    for (int64_t k = s.states; k < s.stride; ++k) to[k] = 0;
  }
}

namespace {

/// ln T(z, h, o): 0 where a step has fewer before it than a word has letters.
double log_transition(const ChainShape& s, const Transitions& logs, int64_t t, int64_t zh, int64_t o) {
  return t < s.order ? 0 : logs.at(t)[zh * s.letters + o];
}

/// ln p_t(z, h).
void predict_in_logs(const ChainShape& s, const Transitions& logs, const double* before, int64_t t, double* p,
                     double* terms) {
  for (int64_t zh = 0; zh < s.states; ++zh) {
    const int64_t h = zh % s.words;
    if (t == 0) {
      p[zh] = h == 0 ? 0 : -infinity;
      continue;
    }
    for (int64_t o = 0; o < s.letters; ++o)
      terms[o] = before[h * s.letters + o] + log_transition(s, logs, t, zh, o);
    p[zh] = log_sum(terms, s.letters);
  }
}

/// The pairs of states that the numbers of a_{t-1} give, beside those that its logarithms give.
bool gives_pairs(const ChainShape& s, const Transitions& logs, const LogPass& pass, int64_t t,
                 const double* p) {
  const double* a = pass.filtered + (t - 1) * s.stride;
  const double* log_a = pass.logs + (t - 1) * s.stride;
  const double* g = pass.smoothed + t * s.stride;
  for (int64_t zh = 0; zh < s.states; ++zh) {
    const int64_t h = zh % s.words;
    double sum = 0;
    for (int64_t o = 0; o < s.letters; ++o)
      sum += a[h * s.letters + o] * std::exp(log_transition(s, logs, t, zh, o));
    for (int64_t o = 0; o < s.letters && g[zh] > 0; ++o) {
      const double one = std::exp(log_transition(s, logs, t, zh, o));
      const double made = sum > 0 ? a[h * s.letters + o] * one / sum : 0;
      const double exact = std::exp(log_a[h * s.letters + o] + log_transition(s, logs, t, zh, o) - p[zh]);
      if (g[zh] * std::abs(made - exact) > 1e-10) return false;
    }
  }
  return true;
}

/// A state whose number is lost, and which the series has been in for all that: such states keep their
/// proportions to one another, behind all others. What they and others lead to together follows from the
/// others; what they alone lead to, from these proportions.
void raise_lost(const ChainShape& s, const LogPass& pass, int64_t t, const double* log_smoothed) {
  const double* log_a = pass.logs + t * s.stride;
  double* a = pass.filtered + t * s.stride;
  const double relevant = std::log(1e-30), front = std::log(1e-200);
  const auto is_lost = [&](int64_t k) { return a[k] < lost && log_smoothed[k] > relevant; };
  double most = -infinity;
  for (int64_t k = 0; k < s.states; ++k) {
    if (is_lost(k)) most = std::max(most, log_a[k]);
  }
  for (int64_t k = 0; k < s.states; ++k) {
    if (is_lost(k)) a[k] = std::max(std::exp(log_a[k] - most + front), least);
  }
}

}  // namespace

bool forward_backward_in_logs(const ChainShape& s, const Transitions& logs, const LogPass& pass) {
  std::vector<double> p(static_cast<size_t>(s.states)),
      terms(static_cast<size_t>(std::max(s.states, s.letters)));
  for (int64_t t = 0; t < pass.steps; ++t) {
    double* a = pass.logs + t * s.stride;
    predict_in_logs(s, logs, t > 0 ? a - s.stride : nullptr, t, p.data(), terms.data());
    for (int64_t k = 0; k < s.states; ++k) a[k] += p[static_cast<size_t>(k)];
    const double c = log_sum(a, s.states);
    pass.scale[t] = 1;
    pass.peak[t] = c;
    if (!std::isfinite(c)) return true;  // the objective says so
    for (int64_t k = 0; k < s.states; ++k) {
      a[k] -= c;
      pass.filtered[t * s.stride + k] = std::exp(a[k]);
    }
  }
  const int64_t last = pass.steps - 1;
  std::vector<double> next(pass.logs + last * s.stride, pass.logs + last * s.stride + s.states),
      now(next.size());
  for (int64_t t = last; t >= 0; --t) {
    double* g = pass.smoothed + t * s.stride;
    std::fill(g, g + s.stride, 0.0);
    for (int64_t k = 0; k < s.states; ++k) g[k] = std::exp(next[static_cast<size_t>(k)]);
    if (t == 0) break;
    const double* a = pass.logs + (t - 1) * s.stride;
    predict_in_logs(s, logs, a, t, p.data(), terms.data());
    for (int64_t ho = 0; ho < s.states; ++ho) {
      const int64_t h = ho / s.letters, o = ho % s.letters;
      for (int64_t z = 0; z < s.letters; ++z) {
        const int64_t zh = z * s.words + h;
        const bool possible = p[static_cast<size_t>(zh)] > -infinity;
        terms[static_cast<size_t>(z)] = possible
                                            ? log_transition(s, logs, t, zh, o) +
                                                  next[static_cast<size_t>(zh)] - p[static_cast<size_t>(zh)]
                                            : -infinity;
      }
      now[static_cast<size_t>(ho)] = a[ho] + log_sum(terms.data(), s.letters);
    }
    const double c = log_sum(now.data(), s.states);
    for (double& x : now) x -= c;
    raise_lost(s, pass, t - 1, now.data());
    if (t >= s.order && !gives_pairs(s, logs, pass, t, p.data())) return false;
    std::swap(now, next);
  }
  return true;
}

void best_path(const ChainShape& s, const Transitions& logs, const LogPass& pass,
               std::vector<int64_t>& path) {
  std::vector<int32_t> forgotten(static_cast<size_t>(pass.steps * s.states), 0);
  for (int64_t t = 0; t < pass.steps; ++t) {
    double* d = pass.logs + t * s.stride;
    const double* before = t > 0 ? d - s.stride : nullptr;
    for (int64_t zh = 0; zh < s.states; ++zh) {
      const int64_t h = zh % s.words;
      if (t == 0) {
        if (h != 0) d[zh] = -infinity;
        continue;
      }
      double best = -infinity;
      int64_t at = 0;
      for (int64_t o = 0; o < s.letters; ++o) {
        const double one = before[h * s.letters + o] + log_transition(s, logs, t, zh, o);
        if (one > best || std::isnan(one)) best = one, at = o;
      }
      d[zh] += best;
      forgotten[static_cast<size_t>(t * s.states + zh)] = static_cast<int32_t>(at);
    }
  }
  const double* end = pass.logs + (pass.steps - 1) * s.stride;
  int64_t state = std::max_element(end, end + s.states) - end;
  path.assign(static_cast<size_t>(pass.steps), 0);
  for (int64_t t = pass.steps - 1; t >= 0; --t) {
    path[static_cast<size_t>(t)] = state;
    const int64_t before = state % s.words * s.letters + forgotten[static_cast<size_t>(t * s.states + state)];
    const double value = pass.logs[t * s.stride + state];
    pass.scale[t] = 1;
    pass.peak[t] = t == 0 ? value : value - pass.logs[(t - 1) * s.stride + before];
    for (double* one : {pass.smoothed + t * s.stride, pass.filtered + t * s.stride}) {
      std::fill(one, one + s.stride, 0.0);
      one[state] = 1;
    }
    state = before;
  }
}

}  // namespace lvm::runtime
