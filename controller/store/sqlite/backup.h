// A consistent copy of a database, whoever writes to it meanwhile.
#pragma once

#include <string>

#include "common/status/status.h"
#include "controller/store/sqlite/connection.h"

namespace lockstep::controller::store::sqlite {

// To a new file `to`, 0600, on the disk when it returns. ALREADY_EXISTS rather than overwrite one;
// on any error no file is left.
Status CopyDatabase(Connection& connection, const std::string& to);

}  // namespace lockstep::controller::store::sqlite
