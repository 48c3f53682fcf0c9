import { readFileSync } from 'node:fs';
import type { PtraceScopeValue } from '../../kernel/ptrace-scope.js';
import { hashOf } from '../../map/formats/html.js';
import { count, counted, escapeMarkup } from '../../map/graph/names.js';
import { packageUrl } from '../../package-files.js';
import type { Remedy } from '../../policy/remedies/remedies.js';
import { printable } from '../../printable.js';
import { CHANGES, type Change, type PairAtScope, type Rehearsal, type RehearsedPair } from '../rehearsal.js';
import { limitText, programName } from '../rehearsal-words.js';

/** The matrix has no more rows and columns: the list below it has every pair. */
const MOST = 60;

const MARKS: Record<Change, string> = { breaks: '✗', unknown: '?', unchanged: '✓' };

/** In addition to the map's. What belongs to one scope has the class at, and at-N. */
const STYLE = `
.bars { grid-template-columns: repeat(var(--scopes), 1fr); }
.slider input { width: calc(100% - 100% / var(--scopes) + 16px); margin-left: calc(50% / var(--scopes) - 8px); }
.scroll { position: relative; overflow: auto; max-height: 80vh; }
.matrix { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.matrix th, .matrix td { border: 1px solid var(--line); padding: 4px 8px; text-align: start; font-weight: 400; overflow-wrap: normal; }
.matrix td { text-align: end; }
.matrix a { color: inherit; }
.breaks { color: var(--open); font-weight: 600; }
.unknown { color: var(--unknown); }
.unchanged { color: var(--closed); }
.pair { margin-top: 16px; }
.pair pre { white-space: pre-wrap; margin: 4px 0 4px 16px; }
[data-scope="0"] .at:not(.at-0), [data-scope="1"] .at:not(.at-1), [data-scope="2"] .at:not(.at-2), [data-scope="3"] .at:not(.at-3) { display: none; }
`;

/** The slider shows what belongs to its scope. A screen reader hears the sentence of the scope. */
const SCRIPT = `
const range = document.getElementById('scope');
const live = document.getElementById('live');
const show = () => {
  document.documentElement.dataset.scope = range.value;
  for (const bar of document.querySelectorAll('.bars li')) bar.classList.toggle('now', bar.dataset.bar === range.value);
  const sentence = document.querySelector('.headline.at-' + range.value).textContent;
  range.setAttribute('aria-valuetext', range.value + ': ' + sentence);
  return sentence;
};
range.addEventListener('input', () => { live.textContent = show(); });
show();
document.documentElement.dataset.ready = 'true';
`;

const shown = (text: string): string => escapeMarkup(printable(text));
const nameOf = (program: RehearsedPair['tracer']): string => escapeMarkup(programName(program));

function sentence({ atScope }: Rehearsal, scope: PtraceScopeValue): string {
  const summary = atScope[scope];
  if (summary === undefined) return '';
  const { change, pairs, accesses, hosts } = summary;
  const perhaps = pairs.unknown === 0 ? '' : ` ${counted(pairs.unknown, 'pair')} more may break.`;
  if (pairs.breaks === 0)
    return `At ${scope}, nothing that was recorded would surely break.${perhaps}${perhaps === '' && change === 'unknown' ? ' The recordings don’t prove that nothing breaks.' : ''}`;
  return `At ${scope}, ${counted(pairs.breaks, 'pair')} of programs would break: ${counted(accesses.breaks, 'access', 'accesses')} on ${counted(hosts, 'host')}.${perhaps}`;
}

function bar({ atScope }: Rehearsal, scope: PtraceScopeValue): string {
  const { breaks, unknown, unchanged } = atScope[scope]?.pairs ?? { breaks: 0, unknown: 0, unchanged: 0 };
  const all = Math.max(1, breaks + unknown + unchanged);
  const [broken, perhaps] = [(100 * breaks) / all, (100 * unknown) / all];
  return `<li data-bar="${scope}"><b>${scope}</b><svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect width="100" height="8" class="bar-ground"></rect><rect width="${broken}" height="8" class="bar-certain"></rect><rect x="${broken}" y="2.5" width="${perhaps}" height="3" class="bar-possible"></rect></svg><span><b class="figure">${count(breaks)}</b> break</span><span class="faint"><b class="figure">${count(unknown)}</b> unknown</span></li>`;
}

/** For each scope an element of its own, of which the page shows one. */
const atEach = (
  scopes: readonly PtraceScopeValue[],
  tag: string,
  of: (scope: PtraceScopeValue) => [classes: string, html: string],
): string =>
  scopes
    .map(scope => {
      const [classes, html] = of(scope);
      return `<${tag} class="at at-${scope} ${classes}">${html}</${tag}>`;
    })
    .join('');

/** The number that the change is about. */
const numberOf = ({ change, accesses }: PairAtScope): string => `${MARKS[change]} ${count(accesses[change])}`;

function cell(pair: RehearsedPair | undefined, at: number, scopes: readonly PtraceScopeValue[]): string {
  if (pair === undefined) return '<td></td>';
  const numbers = atEach(scopes, 'span', scope => {
    const one = pair.atScope[scope];
    return one === undefined
      ? ['', '']
      : [one.change, `${numberOf(one)}<span class="hidden"> ${one.change}</span>`];
  });
  return `<td><a href="#pair-${at}">${numbers}</a></td>`;
}

function matrix({ pairs }: Rehearsal, scopes: readonly PtraceScopeValue[]): string {
  const place = (tracer: string, target: string) => `${tracer}\n${target}`;
  const places = new Map(
    pairs.map((pair, at) => [place(programName(pair.tracer), programName(pair.target)), at]),
  );
  const tracers = [...new Set(pairs.map(({ tracer }) => programName(tracer)))];
  const targets = [...new Set(pairs.map(({ target }) => programName(target)))];
  const heads = targets.slice(0, MOST).map(target => `<th scope="col">${escapeMarkup(target)}</th>`);
  const rows = tracers.slice(0, MOST).map(tracer => {
    const cells = targets.slice(0, MOST).map(target => {
      const at = places.get(place(tracer, target));
      return at === undefined ? cell(undefined, 0, scopes) : cell(pairs[at], at, scopes);
    });
    return `<tr><th scope="row">${escapeMarkup(tracer)}</th>${cells.join('')}</tr>`;
  });
  const left = Math.max(0, tracers.length - MOST) + Math.max(0, targets.length - MOST);
  const more = left === 0 ? '' : `<p class="note">${count(left)} programs more are in the list below.</p>`;
  return `<div class="scroll" role="region" aria-label="Matrix" tabindex="0"><table class="matrix"><thead><tr><th scope="col">tracer → target</th>${heads.join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></div>${more}`;
}

const remedyHtml = ([least]: readonly Remedy[]): string =>
  (least?.actions ?? [])
    .map(({ who, what, command, call, opens }) => {
      const code = [command, call].filter(text => text !== null).map(text => `<pre>${shown(text)}</pre>`);
      const opened = opens === 'nothing' ? '' : `<p class="faint">opens ${shown(opens)}</p>`;
      return `<p>→ ${shown(who)}: ${shown(what)}</p>${code.join('')}${opened}`;
    })
    .join('');

function pairAt({ change, accesses, hosts, last, refusals, doubts }: PairAtScope): string {
  const numbers = CHANGES.filter(one => accesses[one] > 0).map(
    one => `${count(accesses[one])} ${one === 'breaks' ? 'break' : one}`,
  );
  const when = last === null ? '' : `, on ${counted(hosts, 'host')}, the last at ${shown(last)}`;
  return [
    `<p class="${change}">${MARKS[change]} ${numbers.join(', ')}${when}</p>`,
    ...refusals.map(
      ({ because, ways, accesses: number, remedies }) =>
        `<p>${counted(number, 'time')} by ${ways.map(shown).join(', ')}: ${shown(because)}</p>${remedyHtml(remedies)}`,
    ),
    ...doubts.map(
      ({ because, ways, accesses: number }) =>
        `<p>unknown, ${counted(number, 'time')} by ${ways.map(shown).join(', ')}: ${shown(because)}</p>`,
    ),
  ].join('');
}

function pairSection(pair: RehearsedPair, at: number, scopes: readonly PtraceScopeValue[]): string {
  const { tracer, target, units, ways, accesses, hosts, first, last } = pair;
  const facts: [string, string][] = [
    [
      'recorded',
      `${count(accesses.allowed)} allowed, ${count(accesses.refused)} refused, ${count(accesses.failed)} failed`,
    ],
    ['ways', ways.map(shown).join(', ')],
    ['hosts', count(hosts)],
    ['from, to', `${shown(first)}, ${shown(last)}`],
    ...(units.length === 0 ? [] : [['units', units.map(shown).join(', ')] satisfies [string, string]]),
  ];
  const list = facts.map(([name, text]) => `<dt>${name}</dt><dd>${text}</dd>`).join('');
  const details = atEach(scopes, 'div', scope => {
    const one = pair.atScope[scope];
    return ['', one === undefined ? '' : pairAt(one)];
  });
  return `<section class="card pair" id="pair-${at}" tabindex="-1" aria-labelledby="pair-${at}-title"><h3 id="pair-${at}-title">${nameOf(tracer)} → ${nameOf(target)}</h3>${details}<dl class="facts">${list}</dl></section>`;
}

/**
 * Formats the answer as one HTML page that loads no other file: a matrix of tracers and targets with a slider for ptrace_scope, and
 * each pair with its reasons and remedies. The page's policy permits only its own style and script.
 */
export function htmlPage(rehearsal: Rehearsal, scopes: readonly PtraceScopeValue[]): string {
  const style = `${readFileSync(packageUrl('dist/page/page.css'), 'utf8')}${STYLE}:root { --scopes: ${scopes.length}; }`;
  const policy = [
    "default-src 'none'",
    `script-src ${hashOf(SCRIPT)}`,
    `style-src ${hashOf(style)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const { hosts, accesses, begin, end, recordings, pairs, limits, failed } = rehearsal;
  const [first = 1] = scopes;
  const last = scopes.at(-1) ?? first;
  const title = `What ptrace_scope ${scopes.join(', ')} would break`;
  const about = `${counted(recordings.length, 'recording')} of ${counted(hosts, 'host')}, ${counted(accesses, 'access', 'accesses')}${begin === null ? '' : `, from ${shown(begin)} to ${shown(end ?? '')}`}.`;
  const notes = [
    ...limits.filter(({ hides }) => hides).map(limitText),
    ...failed.map(({ file, because }) => `${printable(file)}: ${printable(because)}`),
  ];
  const unproven =
    notes.length === 0
      ? ''
      : `<section class="card pair" aria-labelledby="limits-title"><h2 id="limits-title">What may hide accesses, so that nothing proves that nothing breaks</h2><ul>${notes.map(note => `<li>${escapeMarkup(note)}</li>`).join('')}</ul></section>`;
  return `<!doctype html>
<html lang="en" data-scope="${first}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<style>${style}</style>
</head>
<body>
<header>
<p class="brand">tracegate rehearse</p>
<h1>${title}</h1>
<p class="faint">${about}</p>
</header>
<main>
<section class="scope card" aria-labelledby="scope-title">
<h2 id="scope-title">At which ptrace_scope</h2>
${atEach(scopes, 'p', scope => ['headline', escapeMarkup(sentence(rehearsal, scope))])}
<div class="slider">
<label for="scope">ptrace_scope</label>
<input id="scope" type="range" min="${first}" max="${last}" step="1" value="${first}">
</div>
<ol class="bars" aria-label="Pairs of programs at each ptrace_scope">${scopes.map(scope => bar(rehearsal, scope)).join('')}</ol>
<p class="faint">${MARKS.breaks} breaks: it was allowed, and would be refused. ${MARKS.unknown} unknown: a fact is missing. ${MARKS.unchanged} unchanged: it would be allowed, or was refused already. The number is that of the accesses.</p>
</section>
${unproven}
<section class="card pair" aria-labelledby="matrix-title">
<h2 id="matrix-title">Which program traces which</h2>
${matrix(rehearsal, scopes)}
</section>
${pairs.map((pair, at) => pairSection(pair, at, scopes)).join('\n')}
</main>
<footer class="faint">Made by tracegate rehearse. This page is one file and loads nothing.</footer>
<div id="live" class="hidden" role="status" aria-live="polite"></div>
<script>${SCRIPT}</script>
</body>
</html>
`;
}
