import { describe, expect, it } from 'vitest';
import { failureOfStatus } from './view-failures.ts';

describe('an HTTP error in place of a page', () => {
  it.each([
    [429, 'destination', 'CONSOLE_LOAD_FAILED'],
    [503, 'destination', 'CONSOLE_LOAD_FAILED'],
    [503, 'sign-in', 'FEDERATION_REFUSED'],
  ] as const)('%i of a page that is %s keeps the wish to be asked later', (status, kind, code) => {
    expect(failureOfStatus(status, kind, 90_000)).toMatchObject({ code, retryAfterMs: 90_000 });
    expect(failureOfStatus(status, kind, undefined)).not.toHaveProperty('retryAfterMs');
  });

  it.each([
    [403, 'CONSOLE_ACCESS_DENIED'],
    [404, 'CONSOLE_DASHBOARD_MISSING'],
  ] as const)('%i is %s, which no wait mends', (status, code) => {
    const failure = failureOfStatus(status, 'destination', 90_000);
    expect(failure.code).toBe(code);
    expect(failure).not.toHaveProperty('retryAfterMs');
  });
});
