#include "common/dns/message.h"

#include <ldns/ldns.h>

#include <memory>

#include "common/base/hostname.h"
#include "common/dns/rdata.h"

namespace lockstep::dns {
namespace {

// What every path carries without fragments (dnsflagday.net/2020).
constexpr uint16_t kUdpPayload = 1232;

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using PacketPtr = std::unique_ptr<ldns_pkt, Deleter<ldns_pkt_free>>;
using RdfPtr = std::unique_ptr<ldns_rdf, Deleter<ldns_rdf_deep_free>>;
using BytesPtr = std::unique_ptr<uint8_t, Deleter<free>>;

std::string_view Bytes(const ldns_rdf* rdf) {
  return {reinterpret_cast<const char*>(ldns_rdf_data(rdf)), ldns_rdf_size(rdf)};
}

std::string NameText(const ldns_rdf* name) {
  return RdataReader(Bytes(name)).TakeName().value_or("");
}

std::string RcodeText(ldns_pkt_rcode rcode) {
  const ldns_lookup_table* entry = ldns_lookup_by_id(ldns_rcodes, rcode);
  return entry != nullptr ? entry->name : "RCODE" + std::to_string(rcode);
}

// ldns keeps the data in fields; one after the other they are the wire form again.
std::string WireData(const ldns_rr* record) {
  std::string out;
  for (size_t i = 0; i < ldns_rr_rd_count(record); ++i) out += Bytes(ldns_rr_rdf(record, i));
  return out;
}

bool AnswersQuestion(const ldns_pkt* packet, const Query& query) {
  const ldns_rr_list* questions = ldns_pkt_question(packet);
  // Servers that cannot read a question may leave it out of their refusal.
  if (ldns_rr_list_rr_count(questions) == 0) {
    return ldns_pkt_get_rcode(packet) != LDNS_RCODE_NOERROR;
  }
  const ldns_rr* question = ldns_rr_list_rr(questions, 0);
  return ldns_rr_list_rr_count(questions) == 1 &&
         ldns_rr_get_type(question) == static_cast<ldns_rr_type>(query.type) &&
         ldns_rr_get_class(question) == LDNS_RR_CLASS_IN &&
         NameText(ldns_rr_owner(question)) == query.name;
}

}  // namespace

Result<std::string> RenderQuery(const Query& query, uint16_t id) {
  RdfPtr name(ldns_dname_new_frm_str(query.name.c_str()));
  if (!name) return InvalidArgument(Quoted(query.name) + " is no domain name");
  const uint16_t flags = query.recursion_desired ? LDNS_RD : 0;
  const PacketPtr packet(ldns_pkt_query_new(name.get(), static_cast<ldns_rr_type>(query.type),
                                            LDNS_RR_CLASS_IN, flags));
  if (!packet) return ResourceExhausted("no memory for a DNS query");
  (void)name.release();  // the packet's now
  ldns_pkt_set_id(packet.get(), id);
  ldns_pkt_set_edns_udp_size(packet.get(), kUdpPayload);
  uint8_t* wire = nullptr;
  size_t size = 0;
  const ldns_status status = ldns_pkt2wire(&wire, packet.get(), &size);
  const BytesPtr owned(wire);
  if (status != LDNS_STATUS_OK) {
    return Internal(std::string("render a DNS query: ") + ldns_get_errorstr_by_id(status));
  }
  return std::string(reinterpret_cast<const char*>(wire), size);
}

Result<Message> ParseAnswer(std::string_view bytes, const Query& query, uint16_t id) {
  ldns_pkt* parsed = nullptr;
  const ldns_status status =
      ldns_wire2pkt(&parsed, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  const PacketPtr packet(status == LDNS_STATUS_OK ? parsed : nullptr);
  if (!packet) {
    return InvalidArgument(std::string("not a DNS message: ") + ldns_get_errorstr_by_id(status));
  }
  if (ldns_pkt_id(packet.get()) != id || !ldns_pkt_qr(packet.get()) ||
      ldns_pkt_get_opcode(packet.get()) != LDNS_PACKET_QUERY ||
      !AnswersQuestion(packet.get(), query)) {
    return InvalidArgument("a DNS message that answers something else");
  }
  Message out;
  out.truncated = ldns_pkt_tc(packet.get());
  out.authoritative = ldns_pkt_aa(packet.get());
  const ldns_pkt_rcode rcode = ldns_pkt_get_rcode(packet.get());
  out.no_such_name = rcode == LDNS_RCODE_NXDOMAIN;
  out.rcode = RcodeText(rcode);
  const ldns_rr_list* answers = ldns_pkt_answer(packet.get());
  for (size_t i = 0; i < ldns_rr_list_rr_count(answers); ++i) {
    const ldns_rr* record = ldns_rr_list_rr(answers, i);
    if (ldns_rr_get_class(record) != LDNS_RR_CLASS_IN) continue;
    out.records.push_back({NameText(ldns_rr_owner(record)),
                           static_cast<RecordType>(ldns_rr_get_type(record)), WireData(record),
                           Seconds(ldns_rr_ttl(record))});
  }
  return out;
}

}  // namespace lockstep::dns
