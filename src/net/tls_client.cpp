#include "net/tls_client.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <limits>

namespace pushwire::net {
namespace {

// The first thing that OpenSSL complained about, in its words. Empties its list.
std::string first_complaint() {
  const unsigned long code = ::ERR_get_error();
  ::ERR_clear_error();
  const char* reason = code != 0 ? ::ERR_reason_error_string(code) : nullptr;
  return reason != nullptr ? reason : "no reason given";
}

bool is_address(const std::string& host) {
  in6_addr ignored;
  return ::inet_pton(AF_INET, host.c_str(), &ignored) == 1 || ::inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
}

// OpenSSL's macro for it casts the old way.
bool send_name(SSL* ssl, std::string host) {
  return ::SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, host.data()) == 1;
}

// The names that a certificate is for, as a list for people; at most a few.
std::string names_of(const SSL* ssl) {
  constexpr int kMostNames = 8;
  constexpr int kIpv4Bytes = 4;
  constexpr int kIpv6Bytes = 16;
  const STACK_OF(X509)* chain = ::SSL_get_peer_cert_chain(ssl);  // there even when it was found to be bad
  if (chain == nullptr || sk_X509_num(chain) == 0) {
    return "another host";
  }
  const X509* certificate = sk_X509_value(chain, 0);
  std::string names;
  auto* alternatives =
      static_cast<GENERAL_NAMES*>(::X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  const int count = alternatives != nullptr ? sk_GENERAL_NAME_num(alternatives) : 0;
  for (int i = 0; i < std::min(count, kMostNames); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(alternatives, i);
    const ASN1_STRING* text = name->type == GEN_DNS ? name->d.dNSName : name->type == GEN_IPADD ? name->d.ip : nullptr;
    if (text == nullptr) {
      continue;
    }
    const unsigned char* data = ::ASN1_STRING_get0_data(text);
    const int length = ::ASN1_STRING_length(text);
    if (name->type == GEN_IPADD && length != kIpv4Bytes && length != kIpv6Bytes) {
      continue;  // no address: a certificate may hold anything
    }
    char address[INET6_ADDRSTRLEN] = "?";
    if (name->type == GEN_IPADD) {
      (void)::inet_ntop(length == kIpv4Bytes ? AF_INET : AF_INET6, data, address, sizeof address);
    }
    names += names.empty() ? "" : ", ";
    names += name->type == GEN_IPADD
                 ? std::string(address)
                 : std::string(reinterpret_cast<const char*>(data), static_cast<std::size_t>(length));
  }
  ::GENERAL_NAMES_free(alternatives);
  return names.empty() ? "no host at all (it has no subjectAltName)" : names;
}

}  // namespace

TlsClient::TlsClient(SSL_CTX* context, std::string authorities)
    : context_(context), authorities_(std::move(authorities)) {}

Result<std::shared_ptr<const TlsClient>> make_tls_client(const std::string& ca_file) {
  ::ERR_clear_error();
  SSL_CTX* context = ::SSL_CTX_new(::TLS_client_method());
  if (context == nullptr) {
    return fail("TLS cannot be used: " + first_complaint());
  }
  auto client = std::make_shared<TlsClient>(context, ca_file.empty() ? "the system's list" : ca_file);
  ::SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  ::SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  ::SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  ::SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  const int loaded = ca_file.empty() ? ::SSL_CTX_set_default_verify_paths(context)
                                     : ::SSL_CTX_load_verify_file(context, ca_file.c_str());
  if (loaded != 1) {
    return fail("no certificate authorities could be read from " + client->authorities() + ": " + first_complaint());
  }
  return std::shared_ptr<const TlsClient>(std::move(client));
}

TlsSession::TlsSession(std::shared_ptr<const TlsClient> client, std::string server, SSL* ssl)
    : client_(std::move(client)), server_(std::move(server)), ssl_(ssl) {}

Result<std::unique_ptr<TlsSession>> TlsSession::make(std::shared_ptr<const TlsClient> client, const Endpoint& server) {
  ::ERR_clear_error();
  SSL* ssl = ::SSL_new(client->context());
  BIO* in = ::BIO_new(::BIO_s_mem());
  BIO* out = ::BIO_new(::BIO_s_mem());
  if (ssl == nullptr || in == nullptr || out == nullptr) {
    ::SSL_free(ssl);
    ::BIO_free(in);
    ::BIO_free(out);
    return fail("TLS with " + server.to_string() + " cannot begin: " + first_complaint());
  }
  ::SSL_set_bio(ssl, in, out);  // owns both from now on
  std::unique_ptr<TlsSession> session(new TlsSession(std::move(client), server.to_string(), ssl));
  ::SSL_set_connect_state(ssl);
  ::SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  // An address is looked for among the certificate's addresses; only a name is sent along for the server to choose by.
  const char* host = server.host.c_str();
  const bool named = is_address(server.host) ? ::X509_VERIFY_PARAM_set1_ip_asc(::SSL_get0_param(ssl), host) == 1
                                             : ::SSL_set1_host(ssl, host) == 1 && send_name(ssl, server.host);
  if (!named) {
    return fail("TLS with " + server.to_string() + ": no certificate can be for such a host");
  }
  return session;
}

void TlsSession::feed(std::string_view cipher) {
  while (!cipher.empty()) {
    const std::size_t part = std::min<std::size_t>(cipher.size(), std::numeric_limits<int>::max());
    const int taken = ::BIO_write(::SSL_get_rbio(ssl_.get()), cipher.data(), static_cast<int>(part));
    if (taken <= 0) {
      return;  // out of memory: the session will miss the bytes and fail
    }
    cipher.remove_prefix(static_cast<std::size_t>(taken));
  }
}

TlsSession::Progress TlsSession::handshake() {
  ::ERR_clear_error();
  const int done = ::SSL_do_handshake(ssl_.get());
  if (done == 1) {
    return Progress::kDone;
  }
  const int error = ::SSL_get_error(ssl_.get(), done);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
    return Progress::kMore;
  }
  note_error(error);
  return Progress::kFailed;
}

std::ptrdiff_t TlsSession::decrypt(char* buffer, std::size_t size) {
  ::ERR_clear_error();
  std::size_t length = 0;
  if (::SSL_read_ex(ssl_.get(), buffer, size, &length) == 1) {
    return static_cast<std::ptrdiff_t>(length);
  }
  const int error = ::SSL_get_error(ssl_.get(), 0);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
    return 0;
  }
  note_error(error);
  return -1;
}

bool TlsSession::encrypt(std::string_view plain) {
  ::ERR_clear_error();
  std::size_t taken = 0;
  const int done = plain.empty() ? 1 : ::SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &taken);
  if (done != 1) {
    note_error(::SSL_get_error(ssl_.get(), done));
  }
  return done == 1;
}

void TlsSession::take_cipher(std::string& to) {
  BIO* out = ::SSL_get_wbio(ssl_.get());
  const std::size_t waiting = ::BIO_ctrl_pending(out);
  if (waiting > 0) {
    const std::size_t before = to.size();
    to.resize(before + waiting);
    std::size_t taken = 0;
    (void)::BIO_read_ex(out, to.data() + before, waiting, &taken);
    to.resize(before + taken);
  }
}

std::string TlsSession::certificate_error(long code) const {
  switch (code) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return "the certificate of " + server_ + " is not from an authority in " + client_->authorities();
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "the certificate of " + server_ + " is for " + names_of(ssl_.get());
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "the certificate of " + server_ + ", or of an authority that it is from, has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "the certificate of " + server_ + ", or of an authority that it is from, is not valid yet";
    default:
      return "the certificate of " + server_ + " cannot be accepted: " + ::X509_verify_cert_error_string(code);
  }
}

void TlsSession::note_error(int ssl_error) {
  const unsigned long first = ::ERR_peek_error();
  const int reason = ERR_GET_REASON(first);
  const long verified = ::SSL_get_verify_result(ssl_.get());
  if (ssl_error == SSL_ERROR_ZERO_RETURN) {
    error_ = server_ + " closed the connection";
  } else if (ssl_error == SSL_ERROR_SSL && reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    error_ = certificate_error(verified);
  } else if (ssl_error == SSL_ERROR_SSL &&
             (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_PACKET_LENGTH_TOO_LONG)) {
    error_ = server_ + " does not speak TLS on this port";
  } else if (ssl_error == SSL_ERROR_SSL && reason == SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED) {
    error_ = server_ + " demands a client certificate, and this node has none to show";
  } else {
    error_ = "TLS with " + server_ + " failed: " + first_complaint();
  }
  ::ERR_clear_error();
}

}  // namespace pushwire::net
