#include "net/tls_server.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cctype>
#include <ctime>

namespace pushwire::net {
namespace {

// What Mozilla calls "intermediate", without the finite-field groups: forward secrecy and authenticated encryption
// only.
constexpr const char* kCiphers12 = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr const char* kCiphers13 = "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384";
constexpr const char* kGroups = "X25519:P-256:P-384";
constexpr std::string_view kProtocol = "\x08http/1.1";

std::string complaint() {
  const unsigned long code = ::ERR_peek_last_error();
  const char* reason = code != 0 ? ::ERR_reason_error_string(code) : nullptr;
  std::string text = reason != nullptr ? reason : "no reason given";
  ::ERR_clear_error();
  return text;
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

// RFC 7301: who offers protocols and not ours gets none, and speaks HTTP/1.1 all the same.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                    unsigned int offered_size, void*) {
  unsigned char* chosen = nullptr;
  const auto* ours = reinterpret_cast<const unsigned char*>(kProtocol.data());
  if (::SSL_select_next_proto(&chosen, out_size, ours, static_cast<unsigned int>(kProtocol.size()), offered,
                              offered_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

// A session may be taken up again by its ticket; nothing of it is kept here (RFC 8446 2.2, RFC 5077).
void configure(SSL_CTX* context) {
  ::SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  ::SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
  ::SSL_CTX_set_cipher_list(context, kCiphers12);
  ::SSL_CTX_set_ciphersuites(context, kCiphers13);
  ::SSL_CTX_set1_groups_list(context, kGroups);
  ::SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  ::SSL_CTX_set_read_ahead(context, 1);
  ::SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  ::SSL_CTX_set_num_tickets(context, 1);
  constexpr std::string_view kIdContext = "pushwire";
  ::SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(kIdContext.data()),
                                   static_cast<unsigned int>(kIdContext.size()));
  ::SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
}

WallMs end_of(const X509* certificate) {
  std::tm time{};
  if (::ASN1_TIME_to_tm(::X509_get0_notAfter(certificate), &time) != 1) {
    return 0;
  }
  return static_cast<WallMs>(::timegm(&time)) * 1'000;
}

}  // namespace

Result<std::shared_ptr<const TlsServer>> TlsServer::make(const TlsServerOptions& options) {
  std::shared_ptr<TlsServer> server(new TlsServer());
  for (const CertificateFiles& files : options.certificates) {
    if (auto added = server->add(files, options.client_authorities); !added) {
      return fail(added.error().message);
    }
  }
  if (server->contexts_.empty()) {
    return fail("TLS needs at least one certificate");
  }
  // Only the first one's is asked; it may switch to another.
  ::SSL_CTX_callback_ctrl(server->context(), SSL_CTRL_SET_TLSEXT_SERVERNAME_CB,
                          reinterpret_cast<void (*)()>(&TlsServer::on_server_name));
  ::SSL_CTX_ctrl(server->context(), SSL_CTRL_SET_TLSEXT_SERVERNAME_ARG, 0, server.get());
  return std::shared_ptr<const TlsServer>(std::move(server));
}

Result<> TlsServer::add(const CertificateFiles& files, const std::string& client_authorities) {
  ::ERR_clear_error();
  Context context(::SSL_CTX_new(::TLS_server_method()));
  if (!context) {
    return fail("TLS cannot be used: " + complaint());
  }
  configure(context.get());
  if (::SSL_CTX_use_certificate_chain_file(context.get(), files.certificate.c_str()) != 1) {
    return fail(files.certificate + " holds no certificate that can be read (PEM): " + complaint());
  }
  // A password is not asked for: there is nobody at the terminal.
  ::SSL_CTX_set_default_passwd_cb(context.get(), [](char*, int, int, void*) { return 0; });
  if (::SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    const unsigned long code = ::ERR_peek_last_error();
    if (ERR_GET_LIB(code) == ERR_LIB_X509 && ERR_GET_REASON(code) == X509_R_KEY_VALUES_MISMATCH) {
      ::ERR_clear_error();
      return fail("the key in " + files.key + " is not that of the certificate in " + files.certificate);
    }
    return fail(files.key + " holds no key that can be read (PEM, without a password): " + complaint());
  }
  if (!client_authorities.empty()) {
    if (::SSL_CTX_load_verify_file(context.get(), client_authorities.c_str()) != 1) {
      return fail(client_authorities + " holds no certificate of an authority: " + complaint());
    }
    ::SSL_CTX_set_client_CA_list(context.get(), ::SSL_load_client_CA_file(client_authorities.c_str()));
    ::SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  remember_names(context.get());
  const WallMs end = end_of(::SSL_CTX_get0_certificate(context.get()));
  expires_at_ = contexts_.empty() ? end : std::min(expires_at_, end);
  contexts_.push_back(std::move(context));
  return {};
}

// The first certificate that carries a name has it.
void TlsServer::remember_names(SSL_CTX* context) {
  const X509* certificate = ::SSL_CTX_get0_certificate(context);
  auto* names = static_cast<GENERAL_NAMES*>(::X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type == GEN_DNS) {
      const unsigned char* text = ::ASN1_STRING_get0_data(name->d.dNSName);
      const auto size = static_cast<std::size_t>(::ASN1_STRING_length(name->d.dNSName));
      by_name_.emplace(lower({reinterpret_cast<const char*>(text), size}), context);
    }
  }
  ::GENERAL_NAMES_free(names);
}

SSL_CTX* TlsServer::context_for(std::string_view host) const {
  const std::string name = lower(host);
  if (const auto found = by_name_.find(name); found != by_name_.end()) {
    return found->second;
  }
  // One label may be anything (RFC 6125 6.4.3).
  const std::size_t dot = name.find('.');
  if (dot != std::string::npos && dot > 0) {
    if (const auto found = by_name_.find("*" + name.substr(dot)); found != by_name_.end()) {
      return found->second;
    }
  }
  return context();
}

int TlsServer::on_server_name(SSL* ssl, int*, void* server) {
  const char* host = ::SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (host == nullptr) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  const auto& own = *static_cast<const TlsServer*>(server);
  SSL_CTX* chosen = own.context_for(host);
  if (chosen != own.context()) {
    ::SSL_set_SSL_CTX(ssl, chosen);
  }
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace pushwire::net
