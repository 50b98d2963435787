#include "controller/edge/zone.h"

#include <algorithm>
#include <map>
#include <utility>

namespace lockstep::controller::edge {
namespace {

// Where one HTTPS record sends clients.
using Place = std::pair<std::string, uint16_t>;

// RFC 9460 appendix A.1: within quotes, commas and backslashes of an id are escaped twice.
std::string AlpnText(const std::string& id) {
  std::string out;
  for (const char c : id) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == ',' || c == '\\') {
      out += c == ',' ? "\\\\," : "\\\\\\\\";
    } else if (byte < 0x21 || byte > 0x7e || c == '"' || c == ';' || c == '(' || c == ')') {
      const std::string digits = std::to_string(byte);
      out += "\\" + std::string(3 - digits.size(), '0') + digits;
    } else {
      out += c;
    }
  }
  return out;
}

std::string Hints(const std::vector<IpAddress>& addresses) {
  std::string v4;
  std::string v6;
  for (const IpAddress& address : addresses) {
    std::string& list = address.is_v6() ? v6 : v4;
    list += (list.empty() ? "" : ",") + address.ToString();
  }
  return (v4.empty() ? "" : " ipv4hint=" + v4) + (v6.empty() ? "" : " ipv6hint=" + v6);
}

std::string RecordLine(const Hostname& owner, Seconds ttl, const std::string& type,
                       const std::string& data) {
  return owner.ascii() + ". " + std::to_string(ttl.count()) + " IN " + type + " " + data + "\n";
}

std::string HttpsData(int priority, const Place& place, const std::string& alpn,
                      const std::vector<IpAddress>& addresses) {
  const auto& [host, port] = place;
  const bool origin = host.empty() && port == 443;
  std::string out =
      std::to_string(priority) + " " + (host.empty() ? "." : host + ".") + " alpn=\"" + alpn + "\"";
  // HTTP/1.1 over TCP is meant wherever it is not ruled out (§7.1.2), and only the origin has it.
  if (!origin) out += " no-default-alpn";
  if (port != 443) out += " port=" + std::to_string(port);
  if (!host.empty()) out += Hints(addresses);
  return out;
}

// The HTTPS records' data, in the order of the promise; the origin's own over TCP always among
// them.
std::vector<std::string> HttpsRecords(const ZoneInput& input) {
  std::vector<Place> order;
  std::map<Place, std::string> alpn;
  const auto add = [&](const Place& place, const std::string& id) {
    std::string& list = alpn[place];
    if (list.empty()) order.push_back(place);
    list += (list.empty() ? "" : ",") + AlpnText(id);
  };
  const Place origin{"", 443};
  bool has_h2 = false;
  if (!input.advertised.clear) {
    for (const AltSvcEntry& entry : input.advertised.entries) {
      if (entry.alternative.host.starts_with('[')) continue;  // no name, so no target
      const Place place{entry.alternative.host, entry.alternative.port};
      add(place, entry.alternative.protocol);
      has_h2 = has_h2 || (place == origin && entry.alternative.protocol == "h2");
    }
  }
  if (!has_h2) add(origin, "h2");
  std::vector<std::string> out;
  for (const Place& place : order) {
    out.push_back(
        HttpsData(static_cast<int>(out.size()) + 1, place, alpn[place], input.service_addresses));
  }
  return out;
}

// A resolver keeps a record as a client keeps the field: no longer than is promised.
Seconds TtlOf(const ZoneInput& input) {
  Seconds ttl = input.ttl;
  for (const AltSvcEntry& entry : input.advertised.entries) ttl = std::min(ttl, entry.max_age);
  return ttl;
}

}  // namespace

Result<std::string> RenderZone(const ZoneInput& input) {
  if (input.service_addresses.empty()) {
    return FailedPrecondition("the fleet has no service address: set service_addresses");
  }
  const Seconds ttl = TtlOf(input);
  const auto https = HttpsRecords(input);
  std::string out;
  for (const ZoneInput::Host& host : input.hosts) {
    for (const IpAddress& address : input.service_addresses) {
      out += RecordLine(host.name, ttl, address.is_v6() ? "AAAA" : "A", address.ToString());
    }
    if (!host.secure) {
      out += "; " + host.name.ascii() +
             " has no certificate yet: an HTTPS record would send clients "
             "to port 443\n";
      continue;
    }
    for (const std::string& data : https) out += RecordLine(host.name, ttl, "HTTPS", data);
  }
  return out;
}

}  // namespace lockstep::controller::edge
