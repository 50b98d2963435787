// A directory for one test, gone with it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "common/status/status.h"

namespace lockstep::fakes {

class TempDirectory {
 public:
  TempDirectory() {
    std::string form = (std::filesystem::temp_directory_path() / "lockstep-test-XXXXXX").string();
    LS_CHECK(::mkdtemp(form.data()) != nullptr);
    path_ = form;
  }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  ~TempDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace lockstep::fakes
