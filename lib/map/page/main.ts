import type { PageData } from '../formats/page-data.js';
import { byId, el } from './dom.js';
import { type Focus, Model, type Selection } from './model.js';
import { PictureView } from './picture-view.js';
import { ScopeControl, sentence } from './scope-control.js';
import { Search } from './search.js';
import { Tables } from './tables.js';
import { VerdictPanel } from './verdict-panel.js';
import { STATES } from './words.js';

// The data that lib/map/formats/html.ts embedded.
const data = JSON.parse(byId('data', HTMLScriptElement).text) as PageData;
const model = new Model(data);
const live = byId('live', HTMLElement);
const region = byId('verdict-region', HTMLElement);

const picture = new PictureView(model, { select, focusOn });
const panel = new VerdictPanel(model, { select, focusOn });
const tables = new Tables(model, chooseAndGo);
const scopes = new ScopeControl(model, scope => {
  model.scope = scope;
  drawAll();
  live.textContent = [sentence(model, scope), panel.summary()].join(' ');
});
new Search(model, node => chooseAndGo({ kind: 'process', node }));

/** Handles a choice in a table or in the search. The verdict is elsewhere on the page, so the focus moves to the verdict. */
function chooseAndGo(selection: Selection): void {
  select(selection);
  region.querySelector('h3')?.focus();
  region.scrollIntoView({ block: 'nearest' });
}

function select(selection: Selection): void {
  const isFromPanel = region.contains(document.activeElement);
  model.selection = selection;
  const cls = selection?.kind === 'process' ? selection.node.class : selection?.cls;
  if (model.focus?.kind === 'class' && cls && model.focus.cls !== cls) model.focus = null;
  else if (model.focus?.kind === 'user' && cls && model.focus.uid !== cls.facts.uids.real) model.focus = null;
  picture.draw();
  panel.draw();
  region.scrollTop = 0;
  // panel.draw() has removed the element that had the focus.
  if (isFromPanel) region.querySelector('h3')?.focus();
  live.textContent = panel.summary();
}

function focusOn(focus: Focus): void {
  model.focus = focus;
  picture.draw();
  live.textContent =
    focus === null
      ? 'The picture shows the whole host.'
      : focus.kind === 'user'
        ? `The picture shows the classes of ${focus.uid === null ? 'a uid that isn’t seen' : `uid ${focus.uid}`}.`
        : `The picture shows the processes of a class: ${focus.cls.members.length}.`;
}

function drawAll(): void {
  scopes.draw();
  picture.draw();
  panel.draw();
  tables.draw();
}

byId('legend', HTMLElement).replaceChildren(
  ...Object.entries(STATES).map(([state, { name, means }]) =>
    el(
      'li',
      {},
      el('span', { class: `swatch ${state}`, 'aria-hidden': 'true' }),
      el('span', {}, el('b', {}, name), `: ${means}`),
    ),
  ),
);
drawAll();
document.documentElement.dataset.ready = 'true';
// Builds in advance the tables that the first answer needs.
requestIdleCallback(() => model.prepare());
