#pragma once
// One function a command: it calls the library, prints, and returns the exit code.

#include "arguments.h"

namespace lvmc {

int run(const Arguments& arguments);
int check(const Arguments& arguments);
int explain(const Arguments& arguments);
int format(const Arguments& arguments);
int score(const Arguments& arguments);
int infer(const Arguments& arguments);
int sample(const Arguments& arguments);
int draw(const Arguments& arguments);
int impute(const Arguments& arguments);
int doctor(const Arguments& arguments);
int completion(const Arguments& arguments);

}  // namespace lvmc
