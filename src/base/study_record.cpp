#include <turnpike/base/study_record.h>

#include <cstdlib>
#include <string_view>

namespace turnpike {

OptionSchema StudyRecord::schema(StudySize size) const {
  OptionSchema schema;
  for (const StudySetting& setting : settings) {
    const char* fallback = size == StudySize::quick ? setting.quick : setting.full;
    Option* option = nullptr;
    switch (setting.kind) {
      case OptionKind::boolean:
        option = &schema.boolean(setting.key, std::string_view(fallback) == "true", setting.help);
        break;
      case OptionKind::integer: option = &schema.integer(setting.key, std::atoll(fallback), setting.help); break;
      case OptionKind::real: option = &schema.real(setting.key, std::atof(fallback), setting.help); break;
      default: option = &schema.text(setting.key, fallback, setting.help);
    }
    option->at_least(setting.lower).at_most(setting.upper);
  }
  return schema;
}

}  // namespace turnpike
