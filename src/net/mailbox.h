// Mailbox: the only door between workers. Producers: any thread. Consumer: the owner's loop, once per turn.
//
// Typed mail, so that it can be counted, searched for and cannot smuggle a pointer. A mutex and a swap of vectors;
// the loop is woken only when the box was empty (ADR 0003). Data mail is bounded in bytes, and its bytes stay counted
// until the consumer releases them, so that work taken out but not finished (a broadcast in slices) still pushes back.
// Control mail (adopt, kick, drain, answers) always fits: without it the node could not get out of an overload.
#pragma once

#include <atomic>
#include <cstddef>
#include <iterator>
#include <mutex>
#include <utility>
#include <vector>

#include "net/event_loop.h"

namespace pushwire::net {

template <class Mail>
class Mailbox {
 public:
  Mailbox(EventLoop& loop, std::size_t data_limit_bytes) : loop_(loop), limit_(data_limit_bytes) {}
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // Any thread. Takes room for `bytes` of data mail; false when the box is full and the caller must slow down. One
  // mail is always admitted to an empty box. Every true answer is followed by a release(), when the mail was
  // handled to its end or is not posted after all.
  [[nodiscard]] bool reserve(std::size_t bytes) noexcept {
    const std::size_t before = bytes_.fetch_add(bytes, std::memory_order_relaxed);
    if (before != 0 && before + bytes > limit_) {
      bytes_.fetch_sub(bytes, std::memory_order_relaxed);
      return false;
    }
    return true;
  }
  // Any thread. Gives back what reserve() took, when the mail was handled to its end.
  void release(std::size_t bytes) noexcept { bytes_.fetch_sub(bytes, std::memory_order_relaxed); }

  // Any thread; always accepted. Data mail has reserved its bytes before.
  void post(Mail mail) {
    append([&mail](std::vector<Mail>& incoming) { incoming.push_back(std::move(mail)); });
  }
  // Any thread; always accepted, in order. One lock and at most one wake for all of it; `mail` is empty afterwards.
  void post_all(std::vector<Mail>& mail) {
    if (!mail.empty()) {
      append([&mail](std::vector<Mail>& incoming) {
        incoming.insert(incoming.end(), std::make_move_iterator(mail.begin()), std::make_move_iterator(mail.end()));
      });
      mail.clear();
    }
  }

  // Owner only: hands over, in order, what was posted before the call, until `handle` has answered costs of `budget`
  // together. What is left stays for the next call; has_mail() says so.
  template <class Handle>
  void drain(std::size_t budget, Handle&& handle) {
    if (next_ == working_.size()) {
      working_.clear();
      if (working_.capacity() > kKeptCapacity) {
        working_.shrink_to_fit();  // a burst is no reason to keep its memory
      }
      next_ = 0;
      const std::lock_guard lock(mutex_);
      incoming_.swap(working_);
      has_mail_.store(false, std::memory_order_relaxed);
    }
    for (std::size_t spent = 0; next_ < working_.size() && spent < budget;) {
      spent += handle(std::move(working_[next_++]));
    }
    if (next_ == working_.size()) {
      working_.clear();
      next_ = 0;
    }
  }

  // All of it, whatever it costs.
  template <class Handle>
  void drain(Handle&& handle) {
    drain(1, [&handle](Mail&& mail) -> std::size_t {
      handle(std::move(mail));
      return 0;
    });
  }

  // Owner only: whether drain() would find something. Exact for the owner's own posts; others wake the loop.
  bool has_mail() const noexcept { return next_ < working_.size() || has_mail_.load(std::memory_order_relaxed); }
  // Any thread.
  std::size_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kKeptCapacity = 4096;

  template <class Append>
  void append(Append&& append_to) {
    bool was_empty = false;
    {
      const std::lock_guard lock(mutex_);
      was_empty = incoming_.empty();
      append_to(incoming_);
      has_mail_.store(true, std::memory_order_relaxed);
    }
    // The owner looks for mail before it sleeps; to wake itself would be a system call for nothing.
    if (was_empty && !loop_.is_current()) {
      loop_.wake();
    }
  }

  EventLoop& loop_;
  const std::size_t limit_;
  std::atomic<std::size_t> bytes_{0};
  std::atomic<bool> has_mail_{false};
  std::mutex mutex_;
  std::vector<Mail> incoming_;  // guarded by mutex_
  // Owned by the loop: what is being handed over, from next_ on.
  std::vector<Mail> working_;
  std::size_t next_ = 0;
};

}  // namespace pushwire::net
