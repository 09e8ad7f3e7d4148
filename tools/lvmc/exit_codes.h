#pragma once

namespace lvmc {

enum ExitCode : int {
  success = 0,
  wrong_input = 1,  // the model or the data
  usage = 2,
  not_converged = 3,  // with --strict
  files = 4,
  internal = 70,
  interrupted = 128,  // plus the signal: 130, 143
};

}  // namespace lvmc
