// The studies themselves.
#pragma once

#include <turnpike/study/study.h>

#include "catalogue.h"

namespace turnpike {

struct StudyEntry {
  const StudyRecord* record;
  StudyFunction run;
};
const std::vector<StudyEntry>& study_table();
StudyFunction function_of(const StudyRecord& record);

}  // namespace turnpike
