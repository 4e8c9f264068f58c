// Markup of prose to HTML.
#pragma once

#include <string>
#include <string_view>

namespace turnpike {

std::string inline_html(std::string_view markup);  // $math$, **strong**, `code`, [text](address)
std::string prose_html(std::string_view markup);   // the same in paragraphs and lists

}  // namespace turnpike
