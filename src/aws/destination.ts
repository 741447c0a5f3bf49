import { AppError } from '../core/errors.ts';
import { isLoopbackHost } from '../core/settings/schema.ts';

/**
 * Throws SETTINGS_INVALID, which names the field, for an address that is neither https nor http on this machine. The
 * settings check the same; a program that composes past them is still not let send credentials in the clear.
 */
export function checkAddress(address: string, field: string): void {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopbackHost(url.hostname));
  if (!isSafe)
    throw new AppError('SETTINGS_INVALID', `${field} must be an https address (http for this machine only).`);
}

/**
 * The same login URL, leading to another dashboard: one sign-in token serves any page of its session. Nothing else of
 * the URL changes. The answer is as secret as the URL, and no error holds any of it.
 *
 * @param destination whole URL of the dashboard; its `#` and what follows stay part of it
 * Throws SETTINGS_INVALID for a destination that is not https (or http on this machine), INTERNAL for what is no login URL.
 */
export function withDestination(loginUrl: string, destination: string): string {
  checkAddress(destination, 'The address of a dashboard');
  const [address = '', query] = loginUrl.split('?', 2);
  const parts = query?.split('&') ?? [];
  if (!parts.some((part) => part.startsWith('SigninToken='))) {
    throw new AppError('INTERNAL', 'A sign-in came without an address that leads to a dashboard. Please report it.');
  }
  const leading = `Destination=${encodeURIComponent(destination)}`;
  const others = parts.map((part) => (part.startsWith('Destination=') ? leading : part));
  return `${address}?${(others.includes(leading) ? others : [...others, leading]).join('&')}`;
}
