import { networkInterfaces } from 'node:os';
import type { Session } from 'electron';
import { isHealthAddress } from '../../core/health/health-address.ts';

/**
 * Keeps the pages of a session from the health page: their calls to it are cancelled before anything is sent.
 * @param ports those that the health page is on now
 */
export function keepFromHealth(session: Session, ports: () => readonly number[]): void {
  session.webRequest.onBeforeRequest({ urls: ['<all_urls>'] }, ({ url }, answer) => {
    answer({ cancel: isHealthAddress(url, ports(), ownAddresses) });
  });
}

function ownAddresses(): readonly string[] {
  try {
    return Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));
  } catch {
    // A system that does not tell: the server refuses pages all the same.
    return [];
  }
}
