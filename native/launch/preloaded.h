#pragma once

#include "launch/program.h"

namespace tracegate {

// The variable that names the tracer to tracegate-tree.so: `any`, or NAMESPACE-PID-START, such as
// `pid:[4026531836]-4711-123456`. NAMESPACE is the text of /proc/self/ns/pid, in which the tracer has the pid. START is
// the tracer's start time, field 22 of /proc/PID/stat.
constexpr char kTracerVariable[] = "TRACEGATE_PTRACER";

// Executes the command with tracegate-preload.so in LD_PRELOAD. The library closes the command before main().
// LD_PRELOAD stays in the environment, so programs that the command executes are closed too.
[[noreturn]] void ExecPreloaded(const Program& program, char** command);

// Executes the command with tracegate-tree.so in LD_PRELOAD. Each process of the command's tree that loads the library
// declares `tracer`, which is a pid or PR_SET_PTRACER_ANY.
[[noreturn]] void ExecTree(const Program& program, char** command, unsigned long tracer);

}  // namespace tracegate
