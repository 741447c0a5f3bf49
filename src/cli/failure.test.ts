import { describe, expect, it } from 'vitest';
import { AppError } from '../core/errors.ts';
import { formatCredentials } from './commands/credentials.ts';
import { bestReading, withClockReadings } from './clock-check.ts';
import { failureReport } from './failure.ts';

describe('a failure', () => {
  it('is one line with its code, whatever the sentence holds', () => {
    const { text, exitCode } = failureReport(
      new AppError('KEYS_INVALID', 'First\nsecond\r\n\u2028third\u001b[0m.'),
      false,
    );
    expect(text).toBe('vigil: KEYS_INVALID: First second third [0m.\n');
    expect(exitCode).toBe(3);
  });

  it.each([[new TypeError('odd')], ['odd'], [undefined], [null]])(
    'of any other kind (%o) is INTERNAL, without a stack',
    (thrown) => {
      const { text, exitCode } = failureReport(thrown, false);
      expect(text).toMatch(/^vigil: INTERNAL: [^\n]+\n$/);
      expect(exitCode).toBe(1);
    },
  );

  it('shows its stack and causes only for debugging, and no secret even then', () => {
    const cause = new Error('secretAccessKey=wJalrXUtnFEMIK7MDENG');
    const { text } = failureReport(new AppError('INTERNAL', 'Odd.', { cause }), true);
    expect(text).toContain('caused by');
    expect(text).toContain('failure.test.ts');
    expect(text).not.toContain('wJalrXUtnFEMIK7MDENG');
  });
});

describe('credentials for the environment', () => {
  it('are quoted for a shell only where they must be', () => {
    const text = formatCredentials(
      { accessKeyId: 'AKIA', secretAccessKey: "a'b$(c)", sessionToken: 'A+/=', expiresAt: 0 },
      'env',
    );
    expect(text).toBe(
      "AWS_ACCESS_KEY_ID=AKIA\nAWS_SECRET_ACCESS_KEY='a'\\''b$(c)'\nAWS_SESSION_TOKEN=A+/=\n" +
        'AWS_CREDENTIAL_EXPIRATION=1970-01-01T00:00:00.000Z\n',
    );
  });

  it('carry token and end to credential_process', () => {
    const text = formatCredentials(
      { accessKeyId: 'A', secretAccessKey: 'S', sessionToken: 'T', expiresAt: 0 },
      'process',
    );
    expect(JSON.parse(text)).toEqual({
      Version: 1,
      AccessKeyId: 'A',
      SecretAccessKey: 'S',
      SessionToken: 'T',
      Expiration: '1970-01-01T00:00:00.000Z',
    });
  });
});

describe('the clock', () => {
  it('is read off the answer that came fastest', async () => {
    let now = Date.parse('2026-01-01T00:10:00.500Z');
    const clock = { now: () => now, monotonic: () => now, sleep: () => Promise.resolve() };
    const delays = [4000, 0];
    const { fetch, readings } = withClockReadings(() => {
      now += delays.shift() ?? 0;
      return Promise.resolve({
        status: 502,
        headers: { date: 'Thu, 01 Jan 2026 00:00:04 GMT' },
        body: new Uint8Array(),
      });
    }, clock);
    const request = { method: 'GET', url: 'https://example.com/', timeoutMs: 1, maxBytes: 1 } as const;
    await fetch(request);
    await fetch(request);
    expect(readings).toHaveLength(2);
    expect(bestReading(readings)).toEqual({ aheadMs: 600_000, tookMs: 0 });
    expect(bestReading([])).toBeUndefined();
  });
});
