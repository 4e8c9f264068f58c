// The words of `turnpike study`: which studies, at which size, with which settings. Without libtorch, so that the front
// answers lists, help and mistakes at once.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <turnpike/base/study_record.h>

#include "command_line.h"

namespace turnpike {

// Checks everything; answers --list and --help. InputError in one sentence.
void settle_study(Invocation& invocation);

std::vector<const StudyRecord*> chosen_studies(const Invocation& invocation);
StudySize chosen_size(const Invocation& invocation);
// Those of the settings that this study knows, in the order in which they were given.
std::vector<std::pair<std::string, std::string>> settings_of(const Invocation& invocation, const StudyRecord& record);

}  // namespace turnpike
