# EM of mclust (model VVV or VVI) from a given start: mclust.R FOLDER ROWS COLUMNS K BASE ITERATIONS full|diag -> one JSON line.
suppressPackageStartupMessages(library(mclust))
arguments <- commandArgs(trailingOnly = TRUE)
folder <- arguments[1]
number <- as.integer(arguments[2:6])
model <- if (arguments[7] == "full") "VVV" else "VVI"
N <- number[1]; D <- number[2]; K <- number[3]; base <- number[4]; iterations <- number[5]
doubles <- function(name, count) readBin(file.path(folder, name), "double", count)

y <- matrix(doubles("rows.f64", N * D), N, D, byrow = TRUE)
# `me` starts with an M-step: it gets the responsibilities at the common start, so its iteration n is iteration n of the others.
parameters <- list(pro = doubles("weight.f64", K), mean = matrix(doubles("mean.f64", K * D), D, K))
sigma <- array(doubles("cov.f64", K * D * D), c(D, D, K))
if (model == "VVI") for (k in 1:K) sigma[, , k] <- diag(diag(sigma[, , k]))
scale <- apply(sigma, 3, function(s) exp(mean(log(diag(s)))))
shape <- sapply(1:K, function(k) diag(sigma[, , k]) / scale[k])
parameters$variance <- list(modelName = model, scale = scale, shape = shape, d = D, G = K, sigma = sigma, cholsigma = array(apply(sigma, 3, chol), c(D, D, K)))
z <- estep(y, model, parameters)$z

seconds <- function(count) {
  control <- emControl(eps = .Machine$double.eps, tol = c(0, 0), itmax = c(count, count))
  begin <- proc.time()[["elapsed"]]
  fit <- suppressWarnings(me(y, model, z, control = control, warn = FALSE))
  elapsed <- proc.time()[["elapsed"]] - begin
  stopifnot(abs(attr(fit, "info")[["iterations"]]) == count)  # negative: the limit ended it
  list(seconds = elapsed, fit = fit)
}
short <- seconds(base)
long <- seconds(iterations)
# The likelihood at the last parameters, as the others report it.
value <- estep(y, model, long$fit$parameters)$loglik
cat(sprintf('{"seconds": %.6g, "log_likelihood": %.12g}\n', (long$seconds - short$seconds) / (iterations - base), value))
