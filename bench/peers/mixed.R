# A random intercept and slope by lme4: mixed.R TABLE.csv -> one JSON line. Reading the table is not timed.
suppressPackageStartupMessages(library(lme4))
rows <- read.csv(commandArgs(trailingOnly = TRUE)[1])
begin <- proc.time()[["elapsed"]]
fit <- suppressWarnings(lmer(Reaction ~ Days + (Days | Subject), rows, REML = FALSE))
cat(sprintf('{"seconds": %.6g, "log_likelihood": %.12g}\n', proc.time()[["elapsed"]] - begin, logLik(fit)))
