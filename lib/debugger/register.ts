// node --import tracegate/grants app.js: serveGrants() for an app that doesn't know of it, at $TRACEGATE_GRANT_SOCKET. Root may
// ask, and the uids in $TRACEGATE_GRANT_UIDS; each step is a line of JSON on standard error. `tracegate run --grant-socket` sets it.
import { isMainThread } from 'node:worker_threads';
import { badOption } from '../errors.js';
import { serveGrants } from './grant-server.js';

const ROOT = 0;

function uidsOf(text: string): number[] {
  const uids = text.split(',').filter(word => word !== '');
  if (!uids.every(word => /^\d+$/.test(word)))
    throw badOption('TRACEGATE_GRANT_UIDS', 'uids, with commas between them', text);
  return uids.map(Number);
}

const { TRACEGATE_GRANT_SOCKET: path, TRACEGATE_GRANT_UIDS: uids = '' } = process.env;
// Of this process alone: its children have the same environment otherwise, and its workers this module.
delete process.env.TRACEGATE_GRANT_SOCKET;
if (isMainThread && path !== undefined) {
  const allow = { uids: [ROOT, ...uidsOf(uids)] };
  await serveGrants({ path, allow, log: event => console.error(JSON.stringify(event)) });
}
