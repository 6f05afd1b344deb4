#include "server/config_result.h"

#include <algorithm>
#include <utility>

namespace pushwire::server {

bool LoadResult::sound(std::initializer_list<std::string_view> keys) const {
  return std::none_of(keys.begin(), keys.end(), [this](std::string_view key) { return faulty.contains(key); });
}

std::string LoadResult::where(std::initializer_list<std::string_view> keys) const {
  for (const std::string_view key : keys) {
    if (const auto place = places.find(key); place != places.end()) {
      return place->second;
    }
  }
  return std::string(*keys.begin());
}

void LoadResult::add(std::initializer_list<std::string_view> keys, std::string what) {
  mistakes.push_back({where(keys), std::move(what)});
}

}  // namespace pushwire::server
