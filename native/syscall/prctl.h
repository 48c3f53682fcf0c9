#pragma once

namespace tracegate {

// PR_SET_PTRACER takes a pid, 0 for no process, or PR_SET_PTRACER_ANY (all ones). Returns 0; -EINVAL, which means "no
// Yama" or "no such process"; or -ENOMEM: security/yama/yama_lsm.c, yama_task_prctl().
int SetPtracer(unsigned long tracer);

// PR_GET_DUMPABLE: 0 (SUID_DUMP_DISABLE), 1 (SUID_DUMP_USER) or 2 (SUID_DUMP_ROOT).
int GetDumpable();

// PR_SET_DUMPABLE takes 0 and 1. Every other value gives -EINVAL: kernel/sys.c, prctl().
int SetDumpable(unsigned long dumpable);

// PR_GET_SECUREBITS of the calling thread, or -errno.
int GetSecurebits();

}  // namespace tracegate
