#include "server/listener_tls.h"

#include <sys/stat.h>

#include <algorithm>

namespace pushwire::server {

Result<std::shared_ptr<const net::TlsServer>> make_tls_server(const Config::Texts& certificates,
                                                              const Config::Texts& keys,
                                                              const std::string& client_authorities) {
  if (certificates.empty()) {
    return std::shared_ptr<const net::TlsServer>();
  }
  net::TlsServerOptions options{.certificates = {}, .client_authorities = client_authorities};
  for (std::size_t i = 0; i < std::min(certificates.size(), keys.size()); ++i) {
    options.certificates.push_back({certificates[i], keys[i]});
  }
  return net::TlsServer::make(options);
}

TlsFiles::TlsFiles(const Config& config) {
  for (const Config::Texts* paths :
       {&config.client.tls_certificate, &config.client.tls_key, &config.api.tls_certificate, &config.api.tls_key}) {
    paths_.insert(paths_.end(), paths->begin(), paths->end());
  }
  if (!config.api.tls_client_ca.empty()) {
    paths_.push_back(config.api.tls_client_ca);
  }
  known_ = before_ = look();
}

std::vector<TlsFiles::Look> TlsFiles::look() const {
  std::vector<Look> looks;
  for (const std::string& path : paths_) {
    struct stat status {};
    Look look;
    if (::stat(path.c_str(), &status) == 0) {
      constexpr std::int64_t kNsPerSecond = 1'000'000'000;
      look = {status.st_dev, status.st_ino, status.st_size,
              status.st_mtim.tv_sec * kNsPerSecond + status.st_mtim.tv_nsec};
    }
    looks.push_back(look);
  }
  return looks;
}

bool TlsFiles::have_settled_anew() {
  std::vector<Look> now = look();
  const bool all_there = std::find(now.begin(), now.end(), Look{}) == now.end();
  const bool settled = all_there && now != known_ && now == before_;
  if (settled) {
    known_ = now;
  }
  before_ = std::move(now);
  return settled;
}

}  // namespace pushwire::server
