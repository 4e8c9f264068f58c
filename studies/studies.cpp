#include "studies.h"

namespace turnpike {
namespace studies {
#define STUDY(chapter, name) StudyReport run_##name(StudyContext& study);
#include "table.inc"
#undef STUDY
}  // namespace studies

const std::vector<StudyEntry>& study_table() {
  static const std::vector<StudyEntry> table = [] {
    // In the order of the catalogue, which is made from the same lines.
    const StudyFunction functions[] = {
#define STUDY(chapter, name) &studies::run_##name,
#include "table.inc"
#undef STUDY
    };
    std::vector<StudyEntry> entries;
    for (std::size_t i = 0; i < study_catalogue().size(); ++i) entries.push_back({study_catalogue()[i], functions[i]});
    return entries;
  }();
  return table;
}

StudyFunction function_of(const StudyRecord& record) {
  for (const StudyEntry& entry : study_table())
    if (entry.record == &record) return entry.run;
  throw ContractError("a study that the table does not list");
}

}  // namespace turnpike
