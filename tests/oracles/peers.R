# What mclust and flexmix reach from a given start: frozen in peers.json, which tests/numeric/peers_test.cpp compares with.
#   Rscript tests/oracles/peers.R > tests/oracles/peers.json          (r-cran-mclust, r-cran-flexmix)
suppressMessages({library(mclust); library(flexmix)})

number <- function(x) paste(sprintf("%.17g", x), collapse = ", ")
# Row-major: the last axis moves fastest.
nested <- function(x) {
  if (is.null(dim(x)) || length(dim(x)) == 1) return(paste0("[", number(x), "]"))
  first <- dim(x)[1]
  rest <- dim(x)[-1]
  parts <- sapply(seq_len(first), function(i) nested(if (length(rest) == 1) as.vector(slice(x, i)) else array(slice(x, i), rest)))
  paste0("[", paste(parts, collapse = ", "), "]")
}
slice <- function(x, i) if (length(dim(x)) == 2) x[i, ] else x[i, , ]
quoted <- function(x) paste0('"', x, '"')
object <- function(...) {
  fields <- list(...)
  paste0("{", paste(sprintf('"%s": %s', names(fields), fields), collapse = ", "), "}")
}

forms <- c(EII = "tied_spherical", VII = "spherical", EEI = "tied_diagonal", VVI = "diagonal", EEE = "tied", VVV = "full")

spread_of <- function(model, parameters, D, K) {
  sigma <- aperm(parameters$variance$sigma, c(3, 1, 2))
  switch(model,
    EII = list("var", number(sigma[1, 1, 1])),
    VII = list("var", nested(array(sigma[, 1, 1], K))),
    EEI = list("var", nested(array(diag(sigma[1, , ]), D))),
    VVI = list("var", nested(t(apply(sigma, 1, diag)))),
    EEE = list("cov", nested(sigma[1, , ])),
    VVV = list("cov", nested(sigma)))
}

gaussian <- function(name, data, labels, model, K) {
  z <- unmap(labels)
  start <- mstep(data = data, modelName = model, z = z)
  spread <- spread_of(model, start$parameters, ncol(data), K)
  fit <- me(data = data, modelName = model, z = z,
            control = emControl(eps = 0, tol = c(1e-13, 1e-13), itmax = c(100000, 100000)))
  parameters <- object(weight = nested(array(start$parameters$pro, K)), mean = nested(t(start$parameters$mean)))
  parameters <- sub("}$", sprintf(', "%s": %s}', spread[[1]], spread[[2]]), parameters)
  object(data = quoted(name), form = quoted(forms[[model]]), K = K, start = parameters,
         log_likelihood = number(fit$loglik))
}

regression <- function(family, seed) {
  set.seed(seed)
  n <- 300
  x <- runif(n, -1, 1)
  v <- runif(n, 0, 2)
  z <- 1 + (runif(n) < 0.4)
  eta <- c(0.5, 1.5)[z] + c(1.2, -0.8)[z] * x + c(-0.3, 0.6)[z] * v
  trials <- if (family == "binomial") 10 else 1
  y <- if (family == "poisson") rpois(n, exp(eta)) else rbinom(n, trials, 1 / (1 + exp(-eta)))
  cluster <- ifelse(y > median(y), 2, 1)
  response <- if (family == "poisson") y else cbind(y, trials - y)
  coefficients <- sapply(1:2, function(k) {
    coef(glm(response ~ x + v, family = family, weights = as.numeric(cluster == k), control = list(epsilon = 1e-15, maxit = 100)))
  })
  driver <- FLXMRglm(family = family)
  fit <- flexmix(response ~ x + v, k = 2, cluster = cluster, model = driver,
                 control = list(minprior = 0, tolerance = 1e-15, iter.max = 20000))
  object(family = quoted(family), y = nested(y), x = nested(cbind(x, v)),
         start = object(weight = nested(tabulate(cluster, 2) / n), a = nested(coefficients[1, ]), b = nested(t(coefficients[-1, ]))),
         log_likelihood = number(as.numeric(logLik(fit))), coefficients = nested(t(parameters(fit))), weight = nested(prior(fit)))
}

read <- function(name) read.csv(file.path("examples/data", paste0(name, ".csv")))
iris_rows <- as.matrix(read("iris")[, 1:4])
wine_rows <- as.matrix(read("wine")[, 1:13])
label <- function(rows, K) cutree(hclust(dist(scale(rows)), "ward.D2"), K)

gaussians <- unlist(lapply(names(forms), function(model) {
  c(sapply(2:3, function(K) gaussian("iris", iris_rows, label(iris_rows, K), model, K)),
    sapply(2:3, function(K) gaussian("wine", wine_rows, label(wine_rows, K), model, K)))
}))
regressions <- c(regression("poisson", 1), regression("binomial", 2))
cat('{"gaussian": [\n', paste(gaussians, collapse = ",\n"), '],\n"regression": [\n', paste(regressions, collapse = ",\n"), "]}\n", sep = "")
