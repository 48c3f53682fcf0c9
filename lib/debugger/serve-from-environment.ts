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

/** Serves the grant socket that the environment names, if it names one: `node --import tracegate/grants`. */
export async function serveFromEnvironment(): Promise<void> {
  const { TRACEGATE_GRANT_SOCKET: path, TRACEGATE_GRANT_UIDS: uids = '' } = process.env;
  // Only this process serves the socket. Child processes would inherit the variable, and workers also load this module.
  delete process.env.TRACEGATE_GRANT_SOCKET;
  if (isMainThread && path !== undefined) {
    const allow = { uids: [ROOT, ...uidsOf(uids)] };
    await serveGrants({ path, allow, log: event => console.error(JSON.stringify(event)) });
  }
}
