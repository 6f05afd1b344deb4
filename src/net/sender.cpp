#include "net/sender.h"

#include "net/ring_sender.h"

namespace pushwire::net {

void PlainSender::send(std::span<SendJob> jobs) {
  for (SendJob& job : jobs) {
    job.result = job.flush();
  }
}

Result<std::unique_ptr<Sender>> choose_sender(IoChoice choice) {
  if (choice != IoChoice::kEpoll) {
    auto ring = RingSender::make();
    if (ring) {
      return std::unique_ptr<Sender>(std::move(*ring));
    }
    if (choice == IoChoice::kUring) {
      return fail(ring.error().message);
    }
  }
  return std::unique_ptr<Sender>(std::make_unique<PlainSender>());
}

}  // namespace pushwire::net
