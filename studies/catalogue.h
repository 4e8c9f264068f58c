// The studies' records, without libtorch: lists, help and the checking of words are answered from them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <turnpike/base/study_record.h>

namespace turnpike {

const std::vector<const StudyRecord*>& study_catalogue();

// The studies of a name ("orders") or of a claim ("D1", any case). InputError with did-you-mean.
std::vector<const StudyRecord*> studies_named(std::string_view word);

std::string study_list();  // a line each: name, claims, expected seconds, title
nlohmann::ordered_json study_list_json();
std::string study_help(const StudyRecord& record);  // the claim in words, and its settings

}  // namespace turnpike
