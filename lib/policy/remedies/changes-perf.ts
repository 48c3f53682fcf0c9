import { capabilityMask } from '../../kernel/capabilities.js';
import { quoted } from '../../printable.js';
import {
  asRootOf,
  joined,
  NO_CAPABILITY,
  type Offer,
  PERFMON_RULES,
  whoIsRoot,
  withProgramFile,
  withTracer,
} from './change.js';
import { confinement } from './changes-outside.js';

/** Under no_new_privs file capabilities give nothing. Kernel: security/commoncap.c, cap_bprm_creds_from_file() */
export const giveToTheTool: Offer = (question, surroundings) => {
  const { mode, tracer, program } = question;
  if (mode !== 'perf' || confinement(question, surroundings) !== null || tracer.noNewPrivs !== false)
    return null;
  const more = capabilityMask(['CAP_PERFMON']);
  // An interpreter with the capability would give it to every script.
  if (program !== undefined && program.file.path !== program.file.executes) return null;
  const file = program === undefined ? '"$(command -v perf)"' : quoted(program.file.path);
  const ofFile = {
    permitted: joined(null, more),
    inheritable: NO_CAPABILITY,
    effective: true,
    rootId: 0,
  };
  return {
    alters: PERFMON_RULES,
    power: 5,
    who: 'root',
    what: 'gives CAP_PERFMON to the program that profiles',
    command: `sudo setcap cap_perfmon+ep ${file}`,
    call: null,
    opens: 'the profiling of every process of this host to every user who may execute that program',
    apply: changed =>
      changed.program === undefined
        ? withTracer(changed, {
            capPermitted: joined(changed.tracer.capPermitted, more),
            capEffective: joined(changed.tracer.capEffective, more),
          })
        : withProgramFile(changed, { capabilities: ofFile }),
  };
};

const OPEN_TO_ALL = 2;

/**
 * Mainline's default. Kernels of some distributions refuse every event above this level. Lower levels open no more events
 * of user space.
 */
export const lowerTheParanoiaLevel: Offer = (question, surroundings) => {
  const { perfEvents } = question.host;
  if (perfEvents?.state !== 'present' || perfEvents.paranoid <= OPEN_TO_ALL) return null;
  const setting = `sysctl kernel.perf_event_paranoid=${OPEN_TO_ALL}`;
  const isOutside = confinement(question, surroundings) !== null || surroundings.hasReadOnlySysctl;
  return {
    alters: ['perf-paranoid'],
    power: 5,
    who: isOutside ? 'root of the host' : whoIsRoot(question),
    what: `lowers kernel.perf_event_paranoid from ${perfEvents.paranoid} to ${OPEN_TO_ALL}, until it is set back`,
    command: isOutside ? `sudo ${setting} (on the host)` : asRootOf(question, setting),
    call: null,
    opens: 'perf events of user space to every user of this host, for their own processes that are dumpable',
    apply: changed => ({
      ...changed,
      host: {
        ...changed.host,
        perfEvents: { state: 'present', paranoid: OPEN_TO_ALL, admits: 'everyone' },
      },
    }),
  };
};
