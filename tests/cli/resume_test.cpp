// Runs of the gradient route that are killed, and go on from their checkpoint. LVM_LONG=1 kills fifty.

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "runtime/bfloat16.h"
#include "tests/cli/program.h"

using Catch::Contains;
using lvm::cli::lvmc;
using lvm::cli::Outcome;
using lvm::cli::scratch;
using Json = nlohmann::ordered_json;

namespace {

const std::vector<std::string> fit = {
    "run", "examples/vae.lvm", "examples/data/digits.csv", "--no-folder", "--json", "--set", "fit.epochs=30"};

std::vector<std::string> with(std::vector<std::string> arguments, const std::vector<std::string>& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

Json json_of(const std::vector<std::string>& arguments) {
  const Outcome outcome = lvmc(arguments);
  INFO(outcome.error);
  REQUIRE(outcome.code == 0);
  return Json::parse(outcome.out);
}

/// Starts lvmc and kills it, without warning, after some time; counted from its first checkpoint where one is
/// waited for.
void kill_after(const std::vector<std::string>& arguments, std::chrono::milliseconds time,
                const std::string& waited_for) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (chdir(LVM_SOURCE_DIR) != 0) _exit(1);
    const int nothing = open("/dev/null", O_WRONLY);
    dup2(nothing, 1);
    dup2(nothing, 2);
    std::vector<char*> list = {const_cast<char*>(LVMC)};
    for (const std::string& argument : arguments) list.push_back(const_cast<char*>(argument.c_str()));
    list.push_back(nullptr);
    execv(LVMC, list.data());
    _exit(127);
  }
  int status = 0;
  const auto ended = [&] {
    siginfo_t info{};
    return waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == child;
  };
  while (!waited_for.empty() && !std::filesystem::exists(waited_for) && !ended())
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  std::this_thread::sleep_for(time);
  kill(child, SIGKILL);
  REQUIRE(waitpid(child, &status, 0) == child);
}

void kill_and_resume(int times, const std::vector<std::string>& arguments) {
  const Json whole = json_of(arguments);
  std::mt19937 random(7);
  int resumed = 0;
  for (int i = 0; i < times; ++i) {
    const std::string state = scratch().path("state" + std::to_string(i));
    std::filesystem::remove(state);  // of the test before
    const std::string threads = std::vector<std::string>{"1", "2", "4"}[static_cast<size_t>(i) % 3];
    const bool at_any_time = i % 2 == 0;  // before a first checkpoint too
    kill_after(with(arguments, {"--checkpoint", state, "--threads", threads}),
               std::chrono::milliseconds(random() % 500), at_any_time ? "" : state);
    const bool kept = std::filesystem::exists(state);
    resumed += kept ? 1 : 0;
    const Json rest =
        json_of(with(arguments, {kept ? "--resume" : "--checkpoint", state, "--threads", threads}));
    INFO("kill " << i << (kept ? ", resumed" : ", begun anew"));
    CHECK(rest["parameters"] == whole["parameters"]);
    CHECK(rest["objective"] == whole["objective"]);
    CHECK(rest["held_out"] == whole["held_out"]);
    CHECK(rest["iterations"] == whole["iterations"]);
  }
  CHECK(resumed > 0);
}

}  // namespace

TEST_CASE("a run that was killed goes on to the same bits") {
  kill_and_resume(std::getenv("LVM_LONG") != nullptr ? 50 : 4, fit);
}

TEST_CASE("a run that was killed goes on to the same bits in double precision too") {
  kill_and_resume(std::getenv("LVM_LONG") != nullptr ? 50 : 2, with(fit, {"--precision", "double"}));
}

TEST_CASE("a run that was killed goes on to the same bits in bfloat16 too") {
  if (lvm::runtime::has_bfloat16())
    return kill_and_resume(std::getenv("LVM_LONG") != nullptr ? 50 : 2, with(fit, {"--precision", "bf16"}));
  WARN("this processor has no bfloat16 products");
  CHECK(lvmc(with(fit, {"--precision", "bf16"})).code == 1);
}

TEST_CASE("a run in two parts is one run, with patience too") {
  const std::string state = scratch().path("parts");
  const std::vector<std::string> patient =
      with(fit, {"--set", "fit.patience=3", "--set", "fit.optimizer=adam(rate: 0.03)"});
  const Json whole = json_of(patient);
  (void)json_of(with(patient, {"--set", "fit.epochs=4", "--checkpoint", state}));
  const Json parts = json_of(with(patient, {"--resume", state}));
  CHECK(parts["parameters"] == whole["parameters"]);
  CHECK(parts["stop"] == whole["stop"]);
}

TEST_CASE("the state of another run, and what is no state, is refused and kept") {
  const std::string state = scratch().path("another.state");
  const std::vector<std::string> one_epoch = with(fit, {"--set", "fit.epochs=1"});
  (void)json_of(with(one_epoch, {"--checkpoint", state}));
  const std::string bytes = lvm::golden::read(state);
  for (const auto& more :
       std::vector<std::vector<std::string>>{{"--seed", "2"}, {"--set", "fit.batch=60"}, {"--set", "L=3"}}) {
    const Outcome outcome = lvmc(with(with(fit, more), {"--resume", state}));
    CHECK(outcome.code == 1);
    CHECK_THAT(outcome.error,
               Contains("E0709") && Contains("is the state of another model, table, seed or setting"));
  }
  CHECK(lvm::golden::read(state) == bytes);
  CHECK_THAT(lvmc(with(fit, {"--resume", scratch().path("none")})).error, Contains("cannot read"));
  for (const size_t length :
       {size_t{0}, size_t{5}, size_t{8}, size_t{20}, size_t{70}, bytes.size() / 2, bytes.size() - 1}) {
    const std::string cut = scratch().write("cut", bytes.substr(0, length));
    const Outcome outcome = lvmc(with(fit, {"--resume", cut}));
    INFO(length);
    CHECK(outcome.code == 1);
    CHECK_THAT(outcome.error, Contains("E0709"));
  }
  for (const size_t at : {size_t{3}, size_t{9}, size_t{17}, size_t{50}, bytes.size() / 2, bytes.size() - 3}) {
    std::string wrong = bytes;
    wrong[at] = static_cast<char>(wrong[at] ^ 0x10);
    INFO(at);
    CHECK(lvmc(with(fit, {"--resume", scratch().write("wrong", wrong)})).code == 1);
  }
  const Outcome em = lvmc({"run", "examples/gmm.lvm", "examples/data/faithful.csv", "--checkpoint", state});
  CHECK(em.code == 1);
  CHECK_THAT(em.error, Contains("a fit by EM keeps no checkpoints"));
  CHECK(lvmc(with(fit, {"--checkpoint", "/no/such/folder/state"})).code == 1);
  CHECK(lvmc(with(fit, {"--checkpoint", state, "--resume", state})).code == 2);
}
