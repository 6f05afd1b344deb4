#include "http/line_scanner.h"

namespace pushwire::http {

LineScanner::Step LineScanner::next(std::string_view bytes) noexcept {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    if (after_cr_) {
      if (byte != '\n') {
        return {i, Event::kBad};
      }
      const Event event = line_bytes_ == 0 ? Event::kEmptyLine : Event::kLine;
      reset();
      return {i + 1, event};
    }
    if (byte == '\r') {
      after_cr_ = true;
      continue;
    }
    const bool control = (byte < 0x20 && byte != '\t') || byte == 0x7f;
    const bool folded = line_bytes_ == 0 && (byte == ' ' || byte == '\t');
    if (control || folded) {
      return {i, Event::kBad};
    }
    ++line_bytes_;
  }
  return {bytes.size(), Event::kNeedMore};
}

}  // namespace pushwire::http
