// The catalogue: every verb of the command as data. Help, completion and validation are read from it; a verb that is
// not built does not appear. No libtorch here: the thin front and the engines share this file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <turnpike/base/options.h>

namespace turnpike {

struct Invocation;

struct Verb {
  std::string name;
  std::string summary;                      // one line of `turnpike --help`
  std::string usage;                        // after "turnpike NAME "
  std::string about;                        // what it does, a few lines
  std::string example;                      // a command that runs
  std::vector<std::string> positionals;     // all needed, in this order: {"MODEL"}
  bool repeated = false;                    // the last positional may stand several times
  std::string engine = "turnpike-engine";   // the program that runs it
  OptionSchema flags;                       // --key VALUE; a boolean is a switch
  std::vector<std::string> needed_flags;    // {"data"}
  std::vector<std::string> recorded_flags;  // part of the run: written to config.toml, and a config may set them
  OptionSchema options;                     // key=value words
  std::vector<std::string> words;           // names that it knows, for completion
  // Of a verb whose settings depend on its words (study): it takes any number of words and settings as they stand,
  // checks them here, and may answer at once.
  void (*settle)(Invocation& invocation) = nullptr;
};

OptionSchema train_options();  // of `train`: what the engine reads

const std::vector<Verb>& verb_catalogue();
const Verb& verb_named(std::string_view name);  // InputError with did-you-mean

}  // namespace turnpike
