#pragma once
// oneDNN inside of our workers: each call on one OpenMP thread. Only where oneDNN was found.

// Of the OpenMP run time that oneDNN brings; its header is no part of every compiler.
extern "C" int omp_get_max_threads(void);
extern "C" void omp_set_num_threads(int);

namespace lvm::runtime {

/// The number of OpenMP threads of the calling thread, put back at the end: it belongs to the host.
class OneThread {
 public:
  OneThread() : before_(omp_get_max_threads()) {
    if (before_ != 1) omp_set_num_threads(1);
  }
  ~OneThread() {
    if (before_ != 1) omp_set_num_threads(before_);
  }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

}  // namespace lvm::runtime
