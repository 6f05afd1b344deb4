// LineScanner: cuts bytes into CRLF lines and refuses what HTTP readers disagree about (RFC 9112 2.2, 5.2): bare CR or
// LF, control characters, lines that begin with white space (folded headers). Sans-I/O, two words of state, so that
// a line may arrive in any pieces. Value type; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pushwire::http {

class LineScanner {
 public:
  enum class Event : std::uint8_t {
    kNeedMore,   // all bytes belong to a line that goes on
    kLine,       // a line ended with the last consumed byte
    kEmptyLine,  // so did an empty one
    kBad,
  };
  struct Step {
    std::size_t consumed = 0;
    Event event = Event::kNeedMore;
  };

  // Consumes to the end of the current line at most.
  Step next(std::string_view bytes) noexcept;
  void reset() noexcept { *this = {}; }

 private:
  std::size_t line_bytes_ = 0;
  bool after_cr_ = false;
};

}  // namespace pushwire::http
