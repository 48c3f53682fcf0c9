import type { PtraceScopeValue } from '../kernel/ptrace-scope.js';
import { htmlPage } from '../rehearse/formats/html.js';
import { toSarif } from '../rehearse/formats/sarif.js';
import type { Change, Rehearsal } from '../rehearse/rehearsal.js';
import { rehearse } from '../rehearse/rehearse.js';
import {
  type CommandBody,
  type ExitCode,
  parseScope,
  SCOPES,
  USAGE,
  UsageError,
  type Values,
} from './command.js';
import { asJson, textFor, textWidth } from './output.js';
import { recordingsOf } from './patterns.js';
import { rehearsalText } from './rehearse-text.js';
import { writeOutput } from './write-output.js';

const STRICTER: readonly PtraceScopeValue[] = [1, 2, 3];

const EXIT_CODES: Record<Change, ExitCode> = { breaks: 1, unknown: 3, unchanged: 0 };

/** What breaks is known also where a file could not be read. */
function exitCode({ atScope, failed }: Rehearsal): ExitCode {
  const codes = Object.values(atScope).map(({ change }) => EXIT_CODES[change]);
  if (codes.includes(1)) return 1;
  return codes.includes(3) || failed.length > 0 ? 3 : 0;
}

const FORMATS: Record<
  string,
  (rehearsal: Rehearsal, scopes: readonly PtraceScopeValue[], width: number) => string
> = {
  human: rehearsalText,
  json: rehearsal => asJson('rehearse', rehearsal),
  sarif: toSarif,
};

async function run(operands: string[], values: Values): Promise<ExitCode> {
  if (operands.length === 0)
    throw new UsageError('rehearse needs a recording: tracegate rehearse FILE…, or - for standard input');
  const scopes = typeof values.scope === 'string' ? [parseScope(values.scope)] : STRICTER;
  const format = values.json ? 'json' : typeof values.format === 'string' ? values.format : 'human';
  const output = typeof values.output === 'string' ? values.output : undefined;
  const rehearsal = await rehearse(await recordingsOf(operands), scopes);
  const html = typeof values.html === 'string' ? values.html : undefined;
  if (html !== undefined) writeOutput(htmlPage(rehearsal, scopes), html, 'ERR_TRACEGATE_RECORDING', '--html');
  // With --html alone, the page is the whole answer.
  if (html !== undefined && !values.json && values.format === undefined && output === undefined)
    return exitCode(rehearsal);
  const width = output === undefined ? textWidth() : Number.POSITIVE_INFINITY;
  const text = FORMATS[format]?.(rehearsal, scopes, width) ?? '';
  writeOutput(format === 'human' ? textFor(output, text) : text, output, 'ERR_TRACEGATE_RECORDING');
  return exitCode(rehearsal);
}

export const rehearseCommand: CommandBody = {
  details: [
    'A FILE is a recording of tracegate watch, also packed by gzip; a quoted pattern reads many, and - is standard input.',
    'It names each pair of programs of which the first could no longer trace the second, how often and when last, and the least remedy.',
    'A recording with gaps, with filters or of a source that does not see all ways in proves no absence: the answer is then unknown.',
  ],
  exitCodes: [
    ['0', 'nothing that was recorded would be refused'],
    ['1', 'something would be refused, at one of the scopes at least'],
    USAGE,
    ['3', 'unknown, or a recording could not be read'],
  ],
  options: {
    scope: {
      type: 'string',
      value: 'N',
      words: SCOPES,
      help: 'only this ptrace_scope (default: 1, 2 and 3 beside each other)',
    },
    html: {
      type: 'string',
      value: 'FILE',
      help: 'write one page that loads nothing else: a matrix of tracers and targets with a slider for ptrace_scope',
    },
    format: {
      type: 'string',
      value: 'F',
      words: Object.keys(FORMATS),
      help: 'human (default), json or sarif',
    },
    output: { type: 'string', value: 'FILE', help: 'write there instead of standard output' },
  },
  run,
};
