#include "bus_server.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <chrono>
#include <csignal>

namespace pushwire::bus {
namespace {

constexpr std::chrono::seconds kStartTime{300};  // a Java server on a busy machine, or the first fetch with Maven

// What "set" names, where it goes.
bool apply(Settings& to, const std::string& key, const std::string& value) {
  const bool yes = value == "true";
  if (key == "bus.kind") {
    const std::map<std::string, BusKind> kinds{{"rocketmq", BusKind::kRocketMq},
                                               {"redis", BusKind::kRedis},
                                               {"nats", BusKind::kNats},
                                               {"kafka", BusKind::kKafka},
                                               {"zookeeper", BusKind::kZooKeeper}};
    to.kind = kinds.at(value);
    return true;
  }
  const std::map<std::string, std::vector<std::string>*> lists{{"bus.rocketmq.name_servers", &to.rocketmq.name_servers},
                                                               {"bus.nats.servers", &to.nats.servers},
                                                               {"bus.kafka.brokers", &to.kafka.brokers},
                                                               {"bus.zookeeper.servers", &to.zookeeper.servers}};
  if (const auto found = lists.find(key); found != lists.end()) {
    *found->second = {value};
    return true;
  }
  const std::map<std::string, bool*> flags{{"bus.rocketmq.tls", &to.rocketmq.tls},
                                           {"bus.redis.tls", &to.redis.tls},
                                           {"bus.nats.tls", &to.nats.tls},
                                           {"bus.kafka.tls", &to.kafka.tls}};
  if (const auto found = flags.find(key); found != flags.end()) {
    *found->second = yes;
    return true;
  }
  const std::map<std::string, std::string*> texts{{"bus.rocketmq.topic", &to.rocketmq.topic},
                                                  {"bus.rocketmq.access_key", &to.rocketmq.access_key},
                                                  {"bus.rocketmq.secret_key", &to.rocketmq.secret_key},
                                                  {"bus.rocketmq.tls_ca", &to.rocketmq.tls_ca},
                                                  {"bus.redis.address", &to.redis.address},
                                                  {"bus.redis.username", &to.redis.username},
                                                  {"bus.redis.password", &to.redis.password},
                                                  {"bus.redis.tls_ca", &to.redis.tls_ca},
                                                  {"bus.nats.username", &to.nats.username},
                                                  {"bus.nats.password", &to.nats.password},
                                                  {"bus.nats.tls_ca", &to.nats.tls_ca},
                                                  {"bus.kafka.topic", &to.kafka.topic},
                                                  {"bus.kafka.username", &to.kafka.username},
                                                  {"bus.kafka.password", &to.kafka.password},
                                                  {"bus.kafka.tls_ca", &to.kafka.tls_ca}};
  if (const auto found = texts.find(key); found != texts.end()) {
    *found->second = value;
    return true;
  }
  return false;
}

}  // namespace

BusServer::~BusServer() {
  stop();
}

void BusServer::stop() {
  if (child_ <= 0) {
    return;
  }
  ::close(commands_);  // the end of its input is its end
  int status = 0;
  ::waitpid(child_, &status, 0);
  ::close(answers_);
  child_ = 0;
}

bool BusServer::spawn() {
  int to_child[2];
  int from_child[2];
  if (::pipe2(to_child, O_CLOEXEC) != 0 || ::pipe2(from_child, O_CLOEXEC) != 0) {
    return false;
  }
  const std::string program = std::string(PUSHWIRE_SOURCE_DIR) + "/tools/bus/server.py";
  std::vector<std::string> words{"python3", "-B", program};
  words.insert(words.end(), arguments_.begin(), arguments_.end());
  std::vector<char*> argv;
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, to_child[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, from_child[1], STDOUT_FILENO);
  const int error = ::posix_spawnp(&child_, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(to_child[0]);
  ::close(from_child[1]);
  commands_ = to_child[1];
  answers_ = from_child[0];
  if (error != 0) {
    child_ = 0;
    ::close(commands_);
    ::close(answers_);
  }
  return error == 0;
}

bool BusServer::start() {
  stop();
  return spawn() && read_announcement();
}

bool BusServer::read_announcement() {
  std::string line;
  const auto deadline = std::chrono::steady_clock::now() + kStartTime;
  while (line.empty() || line.back() != '\n') {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd ready{answers_, POLLIN, 0};
    char byte = 0;
    if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) <= 0 ||
        ::read(answers_, &byte, 1) <= 0) {
      ADD_FAILURE() << arguments_[0] << " did not become ready; its words are above";
      return false;
    }
    line += byte;
  }
  const boost::json::object told = boost::json::parse(line).as_object();
  for (const auto& [name, port] : told.at("ports").as_object()) {
    ports_[name] = static_cast<int>(port.as_int64());
  }
  processes_.clear();
  for (const auto& [name, pid] : told.at("processes").as_object()) {
    processes_[name] = static_cast<pid_t>(pid.as_int64());
  }
  settings_ = {};
  for (const auto& [key, value] : told.at("set").as_object()) {
    if (!apply(settings_, key, std::string(value.as_string()))) {
      ADD_FAILURE() << "a setting that the test does not know: " << key;
    }
  }
  return true;
}

void BusServer::signal(int number, const std::string& name) const {
  for (const auto& [process, pid] : processes_) {
    if (name.empty() || process == name) {
      EXPECT_EQ(::kill(pid, number), 0) << process;
    }
  }
}

bool BusServer::restart(const std::string& name) {
  return command(name.empty() ? "restart\n" : "restart " + name + "\n");
}

bool BusServer::command(const std::string& line) {
  return ::write(commands_, line.data(), line.size()) == static_cast<ssize_t>(line.size()) && read_announcement();
}

}  // namespace pushwire::bus
