#include "agent_host.h"

#include <string.h>
#include <sys/mman.h>

#include "agent/image.h"
#include "secret.h"

#ifdef __x86_64__

__asm__(
    ".pushsection .rodata\n"
    ".balign 8\n"
    "agent_bytes: .incbin \"" AGENT_PATH
    "\"\n"
    "agent_bytes_end:\n"
    ".popsection\n");
extern "C" const uint8_t agent_bytes[], agent_bytes_end[];
extern "C" void _start();

namespace actor {

namespace {

constexpr size_t kRoom = 32768;

}  // namespace

const volatile uint64_t marker[2] = {AGENT_MARKER_1, AGENT_MARKER_2};

Reply HostAgent(int64_t token, const std::vector<uint64_t>& path) {
  AgentSettings settings = {reinterpret_cast<uint64_t>(&marker), reinterpret_cast<uint64_t>(&_start), {}};
  const size_t length = path.size() * sizeof path[0];
  if (length >= sizeof settings.socket_path) return {ENAMETOOLONG, ""};
  memcpy(settings.socket_path, path.data(), length);
  void* const room = mmap(nullptr, kRoom, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) return Failed();
  uint8_t* const image = static_cast<uint8_t*>(room);
  memcpy(image, agent_bytes, static_cast<size_t>(agent_bytes_end - agent_bytes));
  memcpy(image + AGENT_SETTINGS, &settings, sizeof settings);
  const auto begin = reinterpret_cast<long (*)(int64_t)>(image + AGENT_BEGIN);
  const long tid = begin(token);
  return tid < 0 ? Reply{static_cast<int>(-tid), ""} : Reply{0, std::to_string(tid)};
}

}  // namespace actor

#else

namespace actor {

Reply HostAgent(int64_t, const std::vector<uint64_t>&) {
  return {ENOSYS, "x86-64-alone"};
}

}  // namespace actor

#endif

namespace actor {

Reply SecretAddress() {
  return {0, std::to_string(reinterpret_cast<uint64_t>(&secret_word))};
}

}  // namespace actor
