import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../core/errors.ts';
import { withDestination } from './destination.ts';
import { buildLoginUrl } from './federation.ts';

const MAIN = 'https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#dashboards/dashboard/Main';
const OPS = 'https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#dashboards/dashboard/O%20ps&x=+';

const loginUrlTo = (destination: string, signinToken = 'tok+en/==&%') =>
  buildLoginUrl({
    federationUrl: 'https://signin.aws.amazon.com/federation',
    signinToken,
    issuer: 'https://session-ended.vigil.invalid/?a=b',
    destination,
  });

describe('a login URL to another dashboard', () => {
  it('is the one that would have been made for it', () => {
    expect(withDestination(loginUrlTo(MAIN), OPS)).toBe(loginUrlTo(OPS));
    fc.assert(
      fc.property(fc.webUrl({ validSchemes: ['https'], withQueryParameters: true, withFragments: true }), (url) => {
        expect(withDestination(loginUrlTo(MAIN), url)).toBe(loginUrlTo(url));
      }),
    );
  });

  it('is made for an address without any', () => {
    const url = withDestination('https://signin.aws.amazon.com/federation?Action=login&SigninToken=abc', OPS);
    expect(new URL(url).searchParams.get('Destination')).toBe(OPS);
    expect(new URL(url).searchParams.get('SigninToken')).toBe('abc');
  });

  it.each([
    ['https://signin.aws.amazon.com/federation?Action=login', MAIN, 'INTERNAL'],
    ['no address, secret-text', MAIN, 'INTERNAL'],
    [loginUrlTo(MAIN, 'secret-text'), 'http://console.aws.amazon.com/', 'SETTINGS_INVALID'],
    [loginUrlTo(MAIN, 'secret-text'), 'javascript:alert(1)', 'SETTINGS_INVALID'],
    [loginUrlTo(MAIN, 'secret-text'), '', 'SETTINGS_INVALID'],
  ])('is not made from nonsense, and tells nothing of it', (loginUrl, destination, code) => {
    try {
      withDestination(loginUrl, destination);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(AppError);
      expect((error as AppError).code).toBe(code);
      expect((error as AppError).message).not.toContain('secret-text');
    }
  });
});
