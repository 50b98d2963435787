// What the files of this room share.
#pragma once

#include <sys/types.h>

#include <cerrno>
#include <string>
#include <string_view>

#include "common/base/hostname.h"
#include "common/status/status.h"

namespace lockstep::fsutil {

// "cannot <verb> "<path>": <why>". A file beyond the size limit counts as a full disk.
inline Status PathError(int error, std::string_view verb, std::string_view path) {
  const std::string what = "cannot " + std::string(verb) + " " + Quoted(path);
  Status status = FromErrno(error, what);
  return error == EFBIG ? ResourceExhausted(status.message()) : status;
}

// The directory part: "/a/b" → "/a", "/a" → "/", "a" → ".".
inline std::string ParentOf(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

inline std::string PathIn(const std::string& directory, std::string_view name) {
  return std::string(directory).append("/").append(name);
}

// Makes the file `at`, which must not be there, and syncs it but not its directory. Errors speak of
// `path`, which it is to become.
Status WriteSynced(const std::string& at, const std::string& path, std::string_view bytes,
                   mode_t mode);

}  // namespace lockstep::fsutil
