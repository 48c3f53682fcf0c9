import { capableInInitial } from './capable.js';
import { both, either, type Fact } from './fact.js';
import { isFrom } from './kernel-release.js';
import { mayWithholdCapability } from './other-lsm.js';
import { type Judgement, judgement, type Question } from './question.js';

/** The kernel's capable(), in the initial user namespace. A security policy may withhold the capability. */
export function isCapable(question: Question, capability: 'CAP_PERFMON' | 'CAP_SYS_ADMIN'): Fact {
  const has = capableInInitial(question.tracer, capability, question.host.userNsParents);
  return has === true && mayWithholdCapability(question) ? null : has;
}

/** include/linux/capability.h, perfmon_capable() */
export const isPerfmonCapable = (question: Question): Fact =>
  either(isCapable(question, 'CAP_PERFMON'), isCapable(question, 'CAP_SYS_ADMIN'));

/** Linux 6.12 accepts only CAP_SYS_PTRACE. Linux 6.18 also accepts CAP_PERFMON. Between the two the answer is unknown. */
function readsByPerfmon(release: string): Fact {
  if (isFrom(release, [6, 18]) === true) return true;
  return isFrom(release, [6, 13]) === false ? false : null;
}

/** From Linux 5.9 on (commit 45fd22da97c6). Older kernels may have the change as a backport. */
function profilesByPerfmon(release: string): Fact {
  return isFrom(release, [5, 9]) === true ? true : null;
}

const RULES = {
  environ: {
    suffices: readsByPerfmon,
    lets: judgement(
      'perfmon',
      'allow',
      'the tracer has CAP_PERFMON or CAP_SYS_ADMIN, which may read the memory of any process',
    ),
    perhaps: judgement(
      'perfmon',
      'unknown',
      'whether CAP_PERFMON suffices to read memory depends on the kernel, or is not seen',
    ),
  },
  perf: {
    suffices: profilesByPerfmon,
    lets: judgement(
      'perfmon',
      'allow',
      'the tracer has CAP_PERFMON or CAP_SYS_ADMIN, which may profile any process',
    ),
    perhaps: judgement(
      'perfmon',
      'unknown',
      'whether CAP_PERFMON suffices to profile any process depends on the kernel, or is not seen',
    ),
  },
};

/** perfmon_capable() is an alternative to the access check where the tracer reads the environment, or profiles. */
export function perfmon(question: Question): Judgement | null {
  const { mode, host } = question;
  if (mode !== 'environ' && mode !== 'perf') return null;
  const has = isPerfmonCapable(question);
  if (has === false) return null;
  const { suffices, lets, perhaps } = RULES[mode];
  const isEnough = both(has, suffices(host.kernelRelease));
  if (isEnough === false) return null;
  return isEnough ? lets : perhaps;
}
