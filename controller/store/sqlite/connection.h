// Connection: one open SQLite database, its cached statements, and the way from what SQLite throws
// to a Status. Private to this room.
#pragma once

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <SQLiteCpp/Statement.h>

#include <cerrno>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/clock.h"
#include "common/base/hostname.h"
#include "common/base/ip.h"
#include "common/base/names.h"
#include "common/status/status.h"

namespace lockstep::controller::store::sqlite {

// Raw bytes (a BLOB) as an argument of a statement; text is a plain std::string.
struct Bytes {
  const std::string& bytes;
};

// A stored value that is not what was stored: only inside this room, Guarded turns it into
// DATA_LOSS.
struct DamagedValue {
  std::string what;
};

// A prepared statement with its arguments, in use. Goes back to the cache when it ends, so that no
// read transaction lingers.
class Query {
 public:
  template <typename... Args>
  explicit Query(SQLite::Statement& statement, const Args&... args) : statement_(statement) {
    int index = 0;
    (Bind(++index, args), ...);
  }
  ~Query();
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  // Steps to the next row; false at the end.
  bool Next() { return statement_.executeStep(); }

  std::string Text(int column) const { return statement_.getColumn(column).getString(); }
  std::string Blob(int column) const { return statement_.getColumn(column).getString(); }
  int64_t Integer(int column) const { return statement_.getColumn(column).getInt64(); }
  uint64_t Number(int column) const { return static_cast<uint64_t>(Integer(column)); }
  bool Bool(int column) const { return Integer(column) != 0; }
  bool IsNull(int column) const { return statement_.getColumn(column).isNull(); }
  WallTime Time(int column) const { return FromUnixMicros(Integer(column)); }
  std::optional<WallTime> OptionalTime(int column) const {
    if (IsNull(column)) return std::nullopt;
    return Time(column);
  }
  // A type that parses once (Hostname, NodeName, IpAddress ...).
  template <typename T>
  T Parsed(int column) const {
    Result<T> parsed = T::Parse(Text(column));
    if (!parsed.ok()) throw DamagedValue{parsed.status().message()};
    return std::move(parsed).value();
  }
  // An enum whose values are stored: `first` to `last` without holes.
  template <typename E>
  E Enum(int column, E first, E last) const {
    const int64_t value = Integer(column);
    if (value < static_cast<int64_t>(first) || value > static_cast<int64_t>(last)) {
      throw DamagedValue{"state " + std::to_string(value) + " is not known"};
    }
    return static_cast<E>(value);
  }

 private:
  void Bind(int index, int64_t value) { statement_.bind(index, value); }
  void Bind(int index, uint64_t value) { statement_.bind(index, static_cast<int64_t>(value)); }
  void Bind(int index, uint32_t value) { statement_.bind(index, static_cast<int64_t>(value)); }
  void Bind(int index, int value) { statement_.bind(index, static_cast<int64_t>(value)); }
  void Bind(int index, bool value) { statement_.bind(index, static_cast<int64_t>(value)); }
  void Bind(int index, const std::string& value) { statement_.bind(index, value); }
  void Bind(int index, const char* value) { statement_.bind(index, value); }
  void Bind(int index, Bytes value) {
    statement_.bind(index, value.bytes.data(), static_cast<int>(value.bytes.size()));
  }
  void Bind(int index, const std::optional<Bytes>& value) {
    value ? Bind(index, *value) : statement_.bind(index);
  }
  void Bind(int index, WallTime value) { Bind(index, ToUnixMicros(value)); }
  void Bind(int index, const std::optional<WallTime>& value) {
    value ? Bind(index, *value) : statement_.bind(index);
  }
  void Bind(int index, const Hostname& value) { statement_.bind(index, value.ascii()); }
  void Bind(int index, const IpAddress& value) { statement_.bind(index, value.ToString()); }
  template <typename Tag>
  void Bind(int index, const Name<Tag>& value) {
    statement_.bind(index, value.str());
  }
  template <typename E>
  requires std::is_enum_v<E>
  void Bind(int index, E value) { Bind(index, static_cast<int64_t>(value)); }

  SQLite::Statement& statement_;
};

class Connection {
 public:
  // Opens `path`, which exists (an empty file is an empty database). Sets no option.
  static Result<std::unique_ptr<Connection>> Open(const std::string& path, bool read_only);

  // A cached statement of a literal with its arguments; one use of the same literal at a time.
  template <typename... Args>
  Query Ask(const char* sql, const Args&... args) {
    return Query(Prepared(sql), args...);
  }
  // Runs it to its end; the number of rows that it changed.
  template <typename... Args>
  int64_t Execute(const char* sql, const Args&... args) {
    Query query(Prepared(sql), args...);
    while (query.Next()) {
    }
    return database_.getChanges();
  }
  // Statements without arguments that are not worth caching.
  void Script(const std::string& sql) { database_.exec(sql); }
  int64_t LastRowId() const { return database_.getLastInsertRowid(); }
  bool InTransaction() const;
  SQLite::Database& database() { return database_; }
  const std::string& path() const { return path_; }

  // What SQLite threw, for an operator. Reads errno: only from Guarded.
  Status ToStatus(const SQLite::Exception& error) const;
  Status ToStatus(const DamagedValue& damaged) const;

 private:
  Connection(std::string path, int flags) : path_(std::move(path)), database_(path_, flags) {}
  SQLite::Statement& Prepared(const char* sql);

  std::string path_;
  SQLite::Database database_;
  std::map<const char*, SQLite::Statement> statements_;  // by the literal's address
};

// Calls `work`, which returns a Status or Result, and lets no exception out.
template <typename Work>
auto Guarded(const Connection& connection, Work work) -> decltype(work()) {
  errno = 0;
  try {
    return work();
  } catch (const SQLite::Exception& error) {
    return connection.ToStatus(error);
  } catch (const DamagedValue& damaged) {
    return connection.ToStatus(damaged);
  }
}

}  // namespace lockstep::controller::store::sqlite
