// What ngtcp2 calls on behalf of a connection, which is the `user_data` of all of it.
#include <gnutls/crypto.h>
#include <ngtcp2/ngtcp2_crypto.h>

#include <algorithm>

#include "agent/quicd/server/connection.h"

namespace lockstep::agent::quicd::server {

struct Connection::Hooks {
  static Connection& Self(void* user) { return *static_cast<Connection*>(user); }
  // The HTTP/3 error that the connection ends with, or 0, as ngtcp2 wants to hear it.
  static int Answer(void* user, uint64_t error) {
    if (error == 0) return 0;
    Self(user).FailHttp3(error);
    return NGTCP2_ERR_CALLBACK_FAILURE;
  }

  // Post-handshake authentication and KeyUpdate are all that TLS has for a server then, and QUIC
  // has neither (RFC 9001 §4.4 and §6).
  static int OnCryptoData(ngtcp2_conn* quic, ngtcp2_encryption_level level, uint64_t offset,
                          const uint8_t* data, size_t size, void* user) {
    const TlsSession* tls = Self(user).tls_.get();
    if (tls != nullptr && !tls->heard_all()) {
      return ngtcp2_crypto_recv_crypto_data_cb(quic, level, offset, data, size, user);
    }
    ngtcp2_conn_set_tls_alert(quic, GNUTLS_A_UNEXPECTED_MESSAGE);
    return NGTCP2_ERR_CRYPTO;
  }
  static int OnHandshakeCompleted(ngtcp2_conn*, void* user) {
    return Self(user).OnHandshakeCompleted() ? 0 : NGTCP2_ERR_CALLBACK_FAILURE;
  }
  static int OnTxKey(ngtcp2_conn*, ngtcp2_encryption_level level, void* user) {
    if (level != NGTCP2_ENCRYPTION_LEVEL_1RTT) return 0;
    return Self(user).StartHttp3() ? 0 : NGTCP2_ERR_CALLBACK_FAILURE;
  }
  static int OnStreamData(ngtcp2_conn*, uint32_t flags, int64_t stream, uint64_t,
                          const uint8_t* data, size_t size, void* user, void*) {
    Http3* http3 = Self(user).http3_.get();
    if (http3 == nullptr) return 0;
    const bool fin = (flags & NGTCP2_STREAM_DATA_FLAG_FIN) != 0;
    return Answer(user, http3->OnStreamData(stream, {data, size}, fin));
  }
  static int OnAcked(ngtcp2_conn*, int64_t stream, uint64_t offset, uint64_t size, void* user,
                     void*) {
    Self(user).path_mtu_.OnAcknowledged(stream, offset + size);
    Http3* http3 = Self(user).http3_.get();
    return http3 == nullptr ? 0 : Answer(user, http3->OnAcknowledged(stream, size));
  }
  static int OnStreamClose(ngtcp2_conn*, uint32_t flags, int64_t stream, uint64_t code, void* user,
                           void*) {
    Self(user).path_mtu_.OnStreamGone(stream);
    Http3* http3 = Self(user).http3_.get();
    if (http3 == nullptr) return 0;
    const bool given = (flags & NGTCP2_STREAM_CLOSE_FLAG_APP_ERROR_CODE_SET) != 0;
    return Answer(user, http3->OnStreamClosed(stream, given ? code : NGHTTP3_H3_NO_ERROR));
  }
  static int OnStreamReset(ngtcp2_conn*, int64_t stream, uint64_t, uint64_t, void* user, void*) {
    Http3* http3 = Self(user).http3_.get();
    return http3 == nullptr ? 0 : Answer(user, http3->OnCancelled(stream));
  }
  static int OnStopSending(ngtcp2_conn*, int64_t stream, uint64_t, void* user, void*) {
    Self(user).path_mtu_.OnStreamGone(stream);
    Http3* http3 = Self(user).http3_.get();
    return http3 == nullptr ? 0 : Answer(user, http3->OnCancelled(stream));
  }
  static int OnMaxStreamData(ngtcp2_conn*, int64_t stream, uint64_t, void* user, void*) {
    if (Http3* http3 = Self(user).http3_.get()) http3->OnStreamUnblocked(stream);
    return 0;
  }
  static int OnMaxStreams(ngtcp2_conn*, uint64_t max, void* user) {
    if (Http3* http3 = Self(user).http3_.get()) http3->OnMoreStreams(max);
    return 0;
  }
  static void OnRandom(uint8_t* dest, size_t size, const ngtcp2_rand_ctx*) {
    LS_CHECK(gnutls_rnd(GNUTLS_RND_NONCE, dest, size) == 0);
  }
  static int OnNewConnectionId(ngtcp2_conn*, ngtcp2_cid* id, uint8_t* token, size_t size,
                               void* user) {
    Connection& self = Self(user);
    if (size != cid::kLength) return NGTCP2_ERR_CALLBACK_FAILURE;
    *id = self.NewConnectionId();
    if (!self.Register(*id)) return NGTCP2_ERR_CALLBACK_FAILURE;
    const cid::ResetToken made = self.ResetToken(*id);
    std::copy(made.begin(), made.end(), token);
    return 0;
  }
  static int OnRemoveConnectionId(ngtcp2_conn*, const ngtcp2_cid* id, void* user) {
    Connection& self = Self(user);
    const CidKey key(*id);
    self.host_.table().Erase(key, &self);
    std::erase(self.ids_, key);
    return 0;
  }
  static int OnPathValidation(ngtcp2_conn*, uint32_t flags, const ngtcp2_path* path,
                              const ngtcp2_path* old_path, ngtcp2_path_validation_result result,
                              void* user) {
    if (result != NGTCP2_PATH_VALIDATION_RESULT_SUCCESS) return 0;
    Self(user).OnPathValidated(*path, old_path,
                               (flags & NGTCP2_PATH_VALIDATION_FLAG_NEW_TOKEN) != 0);
    return 0;
  }

  static ngtcp2_callbacks All() {
    ngtcp2_callbacks all{};
    all.recv_client_initial = ngtcp2_crypto_recv_client_initial_cb;
    all.recv_crypto_data = OnCryptoData;
    all.encrypt = ngtcp2_crypto_encrypt_cb;
    all.decrypt = ngtcp2_crypto_decrypt_cb;
    all.hp_mask = ngtcp2_crypto_hp_mask_cb;
    all.update_key = ngtcp2_crypto_update_key_cb;
    all.delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb;
    all.delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb;
    all.get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb;
    all.version_negotiation = ngtcp2_crypto_version_negotiation_cb;
    all.handshake_completed = OnHandshakeCompleted;
    all.recv_tx_key = OnTxKey;
    all.recv_stream_data = OnStreamData;
    all.acked_stream_data_offset = OnAcked;
    all.stream_close = OnStreamClose;
    all.stream_reset = OnStreamReset;
    all.stream_stop_sending = OnStopSending;
    all.extend_max_stream_data = OnMaxStreamData;
    all.extend_max_remote_streams_bidi = OnMaxStreams;
    all.rand = OnRandom;
    all.get_new_connection_id = OnNewConnectionId;
    all.remove_connection_id = OnRemoveConnectionId;
    all.path_validation = OnPathValidation;
    return all;
  }
};

ngtcp2_callbacks Connection::Callbacks() { return Hooks::All(); }

}  // namespace lockstep::agent::quicd::server
