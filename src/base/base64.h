// Base64 and base64url (RFC 4648). Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pushwire {

std::string base64_encode(std::string_view bytes);
// Without padding (RFC 4648 5), as JWT and session ids use it.
std::string base64url_encode(std::string_view bytes);

// Strict: right alphabet, full padding, no white space, unused bits zero. Empty on any fault.
std::optional<std::string> base64_decode(std::string_view text);
// Whether base64_decode() would decode it; allocates nothing.
bool is_base64(std::string_view text) noexcept;
// The same without padding, in the URL alphabet.
std::optional<std::string> base64url_decode(std::string_view text);

}  // namespace pushwire
