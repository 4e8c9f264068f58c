// A program that answers lines with lines, in a process of its own.
//
//   LineProcess python({"python3", "peer.py"});
//   std::string answer = python.ask("{\"do\": \"run\"}", /*seconds=*/60);
//
// Its standard error goes nowhere. Errors: Error where it cannot be started, ends, or does not answer in time;
// Interrupted once the user asked to stop. It is killed with this object.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

namespace turnpike {

class LineProcess {
 public:
  explicit LineProcess(const std::vector<std::string>& words);
  ~LineProcess();
  LineProcess(const LineProcess&) = delete;
  LineProcess& operator=(const LineProcess&) = delete;

  std::string ask(const std::string& line, double seconds);

 private:
  pid_t child_ = -1;
  int to_ = -1, from_ = -1;
  std::string received_;
};

struct Ran {
  int exit = -1;
  std::string output;  // of standard output
};
// Runs a program to its end; standard error goes nowhere.
Ran run_program(const std::vector<std::string>& words, double seconds);

}  // namespace turnpike
