// The commit of the sources, alone in a unit of its own: it changes often, and only this unit is compiled again.
#pragma once

namespace turnpike {

const char* source_commit();  // "" outside a checkout; "+" appended if tracked files were changed

}  // namespace turnpike
