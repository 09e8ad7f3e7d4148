#pragma once
// A model for binding, told in a few lines, since these tests stand below the front end:
//
//   axis D columns          axis K 3          axis V levels
//   data y real D           data c category(K) D          given x positive
//   columns y w b* !b7      binarise y 0.5    scale y 0 255
//   bind y a b c            delimiter ;       na -999           missing y      levels c red green
//   plate g school year     per x g

#include <string>
#include <vector>

#include "runtime/bind.h"
#include "runtime/read_table.h"

namespace lvm::runtime::test {

struct BindScript {
  ir::Model model;
  ReadOptions read;
  BindOptions bind;
};

BindScript parse_script(const std::string& text);

/// `data y real D` with `axis D columns`.
inline const char* const plain_script = "axis D columns\ndata y real D\n";

}  // namespace lvm::runtime::test
