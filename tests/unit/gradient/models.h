#pragma once
// One model for each way into the gradient route.

#include <string>
#include <vector>

namespace lvm::test {

struct GradientModel {
  std::string name, text;
  bool flags = false;  // its data are 0 and 1
  int64_t columns = 5;
  bool whole_batches = false;  // a batch is one tile at most
  bool double_alone = false;   // it has decompositions
};

inline const std::string loadings = R"(
  axis D = columns
  axis L = 2
  data   y: real[D]
  param  W: real[D, L]
  param  b: real[D]
  latent z: real[L]
)";

inline const std::string linear_head = R"(
  axis D = columns
  axis L = 2
  data   y: real[D]
  param  W: real[D, L]
  param  b: real[D]
  param  V: real[L, D]
  param  c: real[L]
  latent z: real[L]
)";

inline const std::string full_covariance = R"(
  param noise: positive
  net encode(y: real[D]) -> (mean: real[L], factor: real[L, L]) {
    h = tanh(dense(y, 4))
    mean = dense(h)
    factor = cholesky_factor(dense(h))
  }
  P(z) = Normal(0, sd: 1)
  P(y | z) = Normal(W * z + b, sd: noise)
  q(z | y) = Normal(encode(y).mean, cholesky: encode(y).factor)
)";

inline std::string image_model(const std::string& fit) {
  return R"(model m {
  axis channel = 1
  axis rows = 6
  axis cols = 6
  axis L = 2
  data   y: bool[channel, rows, cols]
  latent z: real[L]
  net encode(y: bool[channel, rows, cols]) -> (mean: real[L], sd: positive[L]) {
    h = elu(conv2d(y, 3, kernel: 3, stride: 2, padding: same))
    f = flatten(tanh(conv2d(h, 4, kernel: 2)))
    mean = dense(f)
    sd = exp(dense(f) / 2)
  }
  net decode(z: real[L]) -> real[channel, rows, cols] {
    h = reshape(softplus(dense(z, 2 * 3 * 3)), [2, 3, 3])
    g = elu(conv2d_transpose(h, 3, kernel: 3, stride: 2, padding: same))
    return conv2d(g, 1, kernel: 3, padding: 1)
  }
  P(z) = Normal(0, sd: 1)
  P(y | z) = Bernoulli(logits: decode(z))
  q(z | y) = Normal(encode(y).mean, sd: encode(y).sd)
  )" + fit +
         "\n}";
}

inline std::string clustered(const std::string& q, const std::string& factors, const std::string& fit) {
  return R"(model m {
  axis D = columns
  axis K = 3
  axis L = 2
  data   y: real[D]
  param  weight: simplex[K]
  param  m: real[K, L]
  param  v: positive[K, L]
  param  W: real[D, L]
  param  A: real[L, D]
  latent k: category[K]
  latent z: real[L]
  P(k) = Categorical(weight)
  P(z | k) = Normal(m[k], var: v[k])
  P(y | z) = Normal(W * z, sd: 0.8)
  q(k, z | y) = )" +
         factors + R"(
  q(z | y) = Normal(A * y, sd: 0.6)
  )" + q +
         R"(
  fit { )" +
         fit + " }\n}";
}

inline std::vector<GradientModel> gradient_models() {
  return {
      {"linear, one noise", "model m {" + linear_head + R"(
  param noise: positive
  param s: positive[L]
  P(z) = Normal(0, sd: 1)
  P(y | z) = Normal(W * z + b, sd: noise)
  q(z | y) = Normal(V * y + c, sd: s)
})"},
      {"variances, priors, several draws", "model m {" + linear_head + R"(
  param noise: positive[D] ~ InverseGamma(2, scale: 1)
  param s: positive
  param m: real[L] ~ Normal(0, sd: 2)
  param t: unit
  P(z) = Normal(m, var: t + 0.5)
  P(y | z) = Normal(W * z + b, var: noise)
  q(z | y) = Normal(V * y + c, precision: s)
  fit { samples = 3 }
})"},
      {"importance weights", "model m {" + linear_head + R"(
  param noise: positive
  param s: positive[L]
  P(z) = Normal(0, sd: 1)
  P(y | z) = Normal(W * z + b, sd: noise)
  q(z | y) = Normal(V * y + c, sd: s)
  fit { objective = iwae(k: 4) }
})"},
      {"beta and warm-up", "model m {" + linear_head + R"(
  param noise: positive
  param s: positive[L]
  P(z) = Normal(0, sd: 1)
  P(y | z) = Laplace(W * z + b, scale: noise)
  q(z | y) = Normal(V * y + c, sd: s)
  fit { beta = 0.7, kl_warmup = 2 }
})"},
      {"networks of flags", R"(model m {
  axis D = columns
  axis L = 2
  data   y: bool[D]
  latent z: real[L]
  net encode(y: bool[D]) -> (mean: real[L], sd: positive[L]) {
    h = tanh(dense(y, 9))
    mean = dense(h)
    sd = exp(dense(h) / 2)
  }
  net decode(z: real[L]) -> real[D] { return dense(relu(dense(z, 11))) }
  P(z) = Normal(0, sd: 1)
  P(y | z) = Bernoulli(logits: decode(z))
  q(z | y) = Normal(encode(y).mean, sd: encode(y).sd)
})",
       true},
      {"convolutions", image_model(""), true, 36},
      {"convolutions of several draws", image_model("fit { samples = 2 }"), true, 36},
      {"layer norms and an embedding", R"(model m {
  axis D = columns
  axis L = 2
  data   y: real[D] = columns("y1".."y4")
  data   c: category[2] = column("y5")
  latent z: real[L]
  net encode(y: real[D], c: category[2]) -> (mean: real[L], sd: positive[L]) {
    h = tanh(layer_norm(dense(y, 7) + embedding(c, 7)))
    mean = dense(h)
    sd = exp(dense(h) / 2)
  }
  net decode(z: real[L]) -> (y: real[D], c: real[2]) {
    h = tanh(layer_norm(dense(z, 5), epsilon: 0.01))
    y = dense(h)
    c = dense(h)
  }
  P(z) = Normal(0, sd: 1)
  P(y | z) = Normal(decode(z).y, sd: 0.5)
  P(c | z) = Categorical(logits: decode(z).c)
  q(z | y, c) = Normal(encode(y, c).mean, sd: encode(y, c).sd)
})",
       true},
      {"dropout", R"(model m {
  axis D = columns
  axis L = 2
  data   y: real[D]
  latent z: real[L]
  net encode(y: real[D]) -> (mean: real[L], sd: positive[L]) {
    h = dropout(tanh(dense(dropout(y, 0.2), 9)), 0.5)
    mean = dense(h)
    sd = exp(dense(h) / 2)
  }
  net decode(z: real[L]) -> real[D] { return dense(dropout(tanh(dense(z, 7)), 0.25)) }
  P(z) = Normal(0, sd: 1)
  P(y | z) = Normal(decode(z), sd: 0.7)
  q(z | y) = Normal(encode(y).mean, sd: encode(y).sd)
})"},
      {"batch norms", R"(model m {
  axis D = columns
  axis L = 2
  data   y: real[D]
  latent z: real[L]
  net encode(y: real[D]) -> (mean: real[L], sd: positive[L]) {
    h = tanh(batch_norm(dense(tanh(batch_norm(y)), 9, bias: none)))
    mean = dense(h)
    sd = exp(dense(h) / 2)
  }
  net decode(z: real[L]) -> real[D] { return dense(softplus(batch_norm(dense(z, 8, bias: none), momentum: 0.8, epsilon: 0.01))) }
  P(z) = Normal(0, sd: 1)
  P(y | z) = Normal(decode(z), sd: 0.7)
  q(z | y) = Normal(encode(y).mean, sd: encode(y).sd)
})",
       false, 5, true},
      {"batch norms of images, several draws, and dropout", R"(model m {
  axis channel = 1
  axis rows = 6
  axis cols = 6
  axis L = 2
  data   y: bool[channel, rows, cols]
  latent z: real[L]
  net encode(y: bool[channel, rows, cols]) -> (mean: real[L], sd: positive[L]) {
    h = elu(batch_norm(conv2d(y, 3, kernel: 3, stride: 2, padding: same, bias: none)))
    f = dropout(flatten(h), 0.3)
    mean = dense(f)
    sd = exp(dense(f) / 2)
  }
  net decode(z: real[L]) -> real[channel, rows, cols] {
    h = reshape(softplus(dense(z, 2 * 3 * 3)), [2, 3, 3])
    g = tanh(batch_norm(conv2d_transpose(h, 3, kernel: 3, stride: 2, padding: same, bias: none)))
    return conv2d(g, 1, kernel: 3, padding: 1)
  }
  P(z) = Normal(0, sd: 1)
  P(y | z) = Bernoulli(logits: decode(z))
  q(z | y) = Normal(encode(y).mean, sd: encode(y).sd)
  fit { samples = 2 }
})",
       true, 36, true},
      {"positive latents, and draws of Laplace", R"(model m {
  axis D = columns
  data   y: real[D]
  param  A: real[D]
  param  g: real
  param  w: positive
  latent s: positive
  latent m: real
  P(s) = LogNormal(0, log_sd: 1)
  P(m) = Normal(0, sd: 2)
  P(y | m, s) = Normal(m + A, sd: s)
  q(s, m | y) = q(s | y) * q(m | y)
  q(s | y) = LogNormal(g * mean(y), log_sd: w)
  q(m | y) = Laplace(dot(A, y), scale: w)
})"},
      {"draws of Logistic", R"(model m {
  axis D = columns
  data   y: real[D]
  param  A: real[D]
  param  s: positive
  latent m: real
  P(m) = Logistic(0, scale: 2)
  P(y | m) = Normal(m * A, sd: s)
  q(m | y) = Logistic(dot(A, y), scale: s)
})"},
      {"draws of Gamma, and of Exponential", R"(model m {
  axis D = columns
  data   y: real[D]
  param  A: real[D]
  param  a: positive
  param  r: positive
  latent g: positive
  latent h: positive
  P(g) = Gamma(a, rate: r)
  P(h) = Exponential(r)
  P(y | g, h) = Normal(g * A, var: h)
  q(g, h | y) = q(g | y) * q(h | y)
  q(g | y) = Gamma(exp(dot(A, y) / 2), rate: a)
  q(h | y) = Exponential(scale: exp(mean(y)))
})"},
      {"importance weights of Gamma", R"(model m {
  axis D = columns
  axis L = 2
  data   y: real[D]
  param  V: real[L, D]
  param  W: positive[D, L]
  param  a: positive[L]
  latent z: positive[L]
  P(z) = Gamma(a, mean: 2)
  P(y | z) = Normal(W * z, sd: 1)
  q(z | y) = Gamma(softplus(V * y), scale: a)
  fit { objective = iwae(k: 3) }
})"},
      {"draws of Beta", R"(model m {
  axis D = columns
  data   y: bool[D]
  param  A: real[D]
  param  a: positive
  param  b: positive
  latent s: unit
  P(s) = Beta(a, b: b)
  P(y | s) = Bernoulli(s)
  q(s | y) = Beta(exp(dot(A, y)), b: a)
})",
       true},
      {"draws of Dirichlet", R"(model m {
  axis D = columns
  axis K = 3
  data   y: real[D]
  param  A: real[K, D]
  param  W: real[D, K]
  param  alpha: positive[K]
  latent s: simplex[K]
  P(s) = Dirichlet(alpha)
  P(y | s) = Normal(W * s, sd: 1)
  q(s | y) = Dirichlet(exp(A * y))
  fit { samples = 2 }
})"},
      {"draws of GumbelSoftmax", R"(model m {
  axis D = columns
  axis K = 3
  data   y: real[D]
  param  A: real[K, D]
  param  W: real[D, K]
  param  prior: real[K]
  param  t: positive
  latent s: simplex[K]
  P(s) = GumbelSoftmax(prior, temperature: 0.7)
  P(y | s) = Normal(W * s, sd: 1)
  q(s | y) = GumbelSoftmax(A * y, temperature: t)
  fit { samples = 2 }
})"},
      {"a full covariance", "model m {" + loadings + full_covariance + "}"},
      {"importance weights of a full covariance",
       "model m {" + loadings + full_covariance + "fit { objective = iwae(k: 3) }\n}"},
      {"a hierarchy of latents", R"(model m {
  axis D = columns
  axis L = 2
  data   y: real[D]
  param  A: real[L, D]
  param  B: real[L]
  param  C: real[D, L]
  param  s: positive
  latent z: real[L]
  latent w: real
  P(w) = Normal(0, sd: 1)
  P(z | w) = Normal(B * w, sd: 1)
  P(y | z) = Normal(C * z, sd: s)
  q(w, z | y) = q(z | y) * q(w | z)
  q(z | y) = Normal(A * y, sd: 0.5)
  q(w | z) = Normal(dot(B, z), sd: 0.7)
})"},
      {"a low rank beside a diagonal", "model m {" + loadings + R"(
  axis R = 2
  param noise: positive
  net encode(y: real[D]) -> (mean: real[L], factor: real[L, R], sd: positive[L]) {
    h = tanh(dense(y, 4))
    mean = dense(h)
    factor = dense(h)
    sd = exp(dense(h) / 2)
  }
  P(z) = Normal(0, sd: 1)
  P(y | z) = Normal(W * z + b, sd: noise)
  q(z | y) = Normal(encode(y).mean, factor: encode(y).factor, sd: encode(y).sd)
})"},
      {"importance weights of a low rank", "model m {" + linear_head + R"(
  axis R = 3
  param F: real[L, R]
  param s: positive[L]
  P(z) = Laplace(0, scale: 1)
  P(y | z) = Normal(W * z + b, sd: 0.8)
  q(z | y) = Normal(V * y + c, factor: F, sd: s)
  fit { objective = iwae(k: 3) }
})"},
      {"a density of low rank", R"(model m {
  axis D = columns
  axis R = 2
  data   y: real[D]
  param  W: real[D, R]
  param  b: real[D]
  param  s: positive[D]
  P(y) = Normal(b, factor: W, sd: s)
  fit { method = gradient }
})"},
      {"a category whose posterior is given", R"(model m {
  axis D = columns
  axis K = 3
  data   y: real[D]
  param  weight: simplex[K]
  param  mean: real[K, D]
  param  A: real[K, D]
  latent k: category[K]
  P(k) = Categorical(weight)
  P(y | k) = Normal(mean[k], sd: 0.9)
  q(k | y) = Categorical(logits: A * y)
})"},
      {"a flag, and a draw for each of its values", R"(model m {
  axis D = columns
  axis L = 2
  data   y: real[D]
  param  W: real[D, L]
  param  A: real[L, D]
  param  a: real[D]
  param  shift: real[L]
  param  p: unit
  latent on: bool
  latent z: real[L]
  P(on) = Bernoulli(p)
  P(z | on) = Normal(shift * on, sd: 1)
  P(y | z) = Normal(W * z, sd: 0.7)
  q(on, z | y) = q(on | y) * q(z | y, on)
  q(on | y) = Bernoulli(logits: dot(a, y))
  q(z | y, on) = Normal(A * y + shift * on, sd: 0.6)
  fit { samples = 2 }
})"},
      {"a category that is exact beside a draw",
       clustered("q(k | y) = exact", "q(z | y) * q(k | y)", "beta = 0.8, kl_warmup = 1")},
      {"a category that is exact given a draw",
       clustered("q(k | z) = exact", "q(z | y) * q(k | z)", "samples = 3")},
      {"importance weights of a category and a draw",
       clustered("q(k | z) = exact", "q(z | y) * q(k | z)", "objective = iwae(k: 3)")},
      {"two categories and a draw, one read by the data", R"(model m {
  axis D = columns
  axis K = 2
  axis J = 3
  axis L = 2
  data   y: real[D]
  param  weight: simplex[K]
  param  move: simplex[K, J]
  param  m: real[J, L]
  param  W: real[D, L]
  param  b: real[K, D]
  param  A: real[L, D]
  param  a: real[K, D]
  latent k: category[K]
  latent j: category[J]
  latent z: real[L]
  P(k) = Categorical(weight)
  P(j | k) = Categorical(move[k])
  P(z | j) = Normal(m[j], sd: 1)
  P(y | z, k) = Normal(W * z + b[k], sd: 0.8)
  q(k, j, z | y) = q(k | y) * q(z | y) * q(j | k, z)
  q(k | y) = Categorical(logits: a * y)
  q(z | y) = Normal(A * y, sd: 0.5)
  q(j | k, z) = exact
})"},
      {"a covariance and values in order", R"(model m {
  axis D = columns
  axis K = 3
  data   y: real[D]
  param  weight: simplex[K]
  param  level: ordered[K]
  param  S: covariance[D]
  latent k: category[K]
  P(k) = Categorical(weight)
  P(y | k) = Normal(level[k], cov: S)
  q(k | y) = exact
  fit { method = gradient }
})",
       false, 3, false, true},
      {"a mixture by its evidence", R"(model m {
  axis K = 2
  axis D = columns
  data   y: real[D]
  param  weight: simplex[K]
  param  mean: real[K, D]
  param  sd: positive[K, D]
  latent k: category[K]
  P(k) = Categorical(weight)
  P(y | k) = Normal(mean[k], sd: sd[k])
  q(k | y) = exact
  fit { method = gradient }
})"},
  };
}

}  // namespace lvm::test
