// Sites as text: the TOML of a site, and its one-line summary.
#include <cstdio>

#include "controller/sites/site_file.h"

namespace lockstep::controller::sites {
namespace {

std::string Escaped(char c) {
  switch (c) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\t':
      return "\\t";
    case '\r':
      return "\\r";
    case '\n':
      return "\\n";
    default:
      break;
  }
  const auto byte = static_cast<unsigned char>(c);
  if (byte >= 0x20 && byte != 0x7f) return std::string(1, c);
  char text[8];
  std::snprintf(text, sizeof text, "\\u%04x", byte);
  return text;
}

// Text of several lines as such, so that a difference of two shows the lines.
std::string TomlText(const std::string& text) {
  const bool is_long = text.find('\n') != std::string::npos;
  std::string out = is_long ? "\"\"\"\n" : "\"";
  for (const char c : text) out += is_long && c == '\n' ? "\n" : Escaped(c);
  return out + (is_long ? "\"\"\"" : "\"");
}

template <typename T, typename ToText>
std::string TomlList(const std::vector<T>& values, ToText to_text) {
  std::string out;
  for (const T& value : values) out += (out.empty() ? "" : ", ") + TomlText(to_text(value));
  return "[" + out + "]";
}

std::string RenderContent(const model::Preset& preset) {
  return "[site.preset]\nstatus = " + std::to_string(preset.status) +
         "\ncontent_type = " + TomlText(preset.content_type) + "\nbody = " + TomlText(preset.body) +
         "\n";
}

std::string RenderContent(const model::FileRoot& root) {
  return "[site.file_root]\npath = " + TomlText(root.path) + "\n";
}

std::string RenderContent(const model::Upstream& upstream) {
  return "[site.upstream]\nservers = " +
         TomlList(upstream.servers, [](const std::string& server) { return server; }) +
         "\ntls = " + (upstream.tls ? "true" : "false") + "\n";
}

std::string Summary(const model::Preset& preset) {
  return "preset " + std::to_string(preset.status) + ", " + std::to_string(preset.body.size()) +
         " bytes";
}

std::string Summary(const model::FileRoot& root) { return "file root " + root.path; }

std::string Summary(const model::Upstream& upstream) {
  std::string out = upstream.tls ? "upstream https " : "upstream ";
  for (size_t i = 0; i < upstream.servers.size(); ++i) {
    out += (i == 0 ? "" : ", ") + upstream.servers[i];
  }
  return out;
}

}  // namespace

std::string RenderSite(const model::Site& site) {
  return "[[site]]\nname = " + TomlText(site.name) +
         "\nhosts = " + TomlList(site.hosts, [](const Hostname& host) { return host.Unicode(); }) +
         "\n" +
         std::visit([](const auto& content) { return RenderContent(content); }, site.content);
}

std::string SummaryOf(const model::Site& site) {
  return std::visit([](const auto& content) { return Summary(content); }, site.content);
}

}  // namespace lockstep::controller::sites
