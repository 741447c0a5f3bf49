import { describe, expect, it } from 'vitest';
import { consoleHosts, isConsoleHost, isSignInHost } from './console-hosts.ts';
import { classifyConsolePage, type ConsolePageKind } from './console-page.ts';

describe('a committed page of AWS', () => {
  const places = {
    destinationUrl:
      'https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#dashboards/dashboard/Ops',
    issuerUrl: 'vigil://notice/session-ended',
    federationUrl: 'https://signin.aws.amazon.com/federation',
  };
  it.each<[string, ConsolePageKind]>([
    [places.destinationUrl, 'destination'],
    ['https://console.aws.amazon.com/cloudwatch/home?region=eu-west-1#dashboards:name=Ops', 'destination'],
    ['https://123456789012-abcd1234.eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1', 'destination'],
    ['https://us-east-1.console.aws.amazon.com/cloudwatch/deeplink.js', 'destination'],
    ['https://eu-west-1.console.aws.amazon.com/console/home?region=eu-west-1', 'console-other'],
    ['https://eu-west-1.console.aws.amazon.com/cloudwatchx/home', 'console-other'],
    ['https://eu-west-1.console.aws.amazon.com/', 'console-other'],
    ['https://signin.aws.amazon.com/signin?redirect_uri=https%3A%2F%2Fconsole.aws.amazon.com%2Fcloudwatch', 'sign-in'],
    ['https://eu-west-1.signin.aws.amazon.com/oauth?response_type=code', 'sign-in'],
    ['https://signin.aws.amazon.com/federation?Action=login', 'sign-in'],
    ['https://eu-west-1.signin.aws/platform/login', 'sign-in'],
    ['https://us-gov-west-1.signin.amazonaws-us-gov.com/oauth', 'sign-in'],
    ['https://eu-west-1.console.aws.amazon.com/console/logout!doLogout', 'signed-out'],
    ['https://signin.aws.amazon.com/oauth?Action=logout&redirect_uri=https%3A%2F%2Faws.amazon.com', 'signed-out'],
    ['vigil://notice/session-ended', 'issuer'],
    ['vigil://notice/session-ended?why=over#x', 'issuer'],
    ['vigil://notice/other', 'foreign'],
    ['https://aws.amazon.com/console/', 'foreign'],
    ['https://console.aws.amazon.com.evil.test/cloudwatch/home', 'foreign'],
    ['https://evil.test/console.aws.amazon.com/cloudwatch/home', 'foreign'],
    ['https://xconsole.aws.amazon.com/cloudwatch/home', 'foreign'],
    ['https://notsignin.aws.amazon.com/', 'foreign'],
    ['https://console.aws.amazon.com@evil.test/cloudwatch', 'foreign'],
    ['http://eu-west-1.console.aws.amazon.com/cloudwatch/home', 'foreign'],
    ['https://eu-west-1.console.aws.amazon.com:8443/cloudwatch/home', 'foreign'],
    ['about:blank', 'foreign'],
    ['data:text/html,x', 'foreign'],
    ['', 'foreign'],
    ['http://console.localhost/cloudwatch/home', 'foreign'],
  ])('%s is %s', (url, kind) => {
    expect(classifyConsolePage(url, places)).toEqual({ kind });
  });

  it('is an issuer of https by host and path', () => {
    const issuerUrl = 'https://wall.example.com/ended/';
    expect(classifyConsolePage('https://wall.example.com/ended?x=1', { ...places, issuerUrl }).kind).toBe('issuer');
    expect(classifyConsolePage('https://wall.example.com/', { ...places, issuerUrl }).kind).toBe('foreign');
  });
});

describe('a committed page of a stand-in', () => {
  const named = {
    destinationUrl: 'http://us-east-1.console.localhost:8443/cloudwatch/home?region=us-east-1',
    issuerUrl: 'vigil://notice/session-ended',
    federationUrl: 'http://signin.localhost:8444/federation',
  };
  it.each<[string, ConsolePageKind]>([
    ['http://console.localhost:8443/cloudwatch/home#x', 'destination'],
    ['http://111-a.eu-west-1.console.localhost:8443/cloudwatch/home', 'destination'],
    ['http://console.localhost:8443/ec2', 'console-other'],
    ['http://us-east-1.signin.localhost:8444/signin', 'sign-in'],
    ['http://signin.localhost:9999/signin', 'foreign'],
    ['http://console.localhost:9999/cloudwatch/home', 'foreign'],
    ['http://127.0.0.1:8444/signin', 'sign-in'],
    ['http://console.localhost.test:8443/cloudwatch/home', 'foreign'],
    ['http://evil.test:8444/signin', 'foreign'],
    ['https://eu-west-1.console.aws.amazon.com/ec2', 'console-other'],
  ])('%s is %s', (url, kind) => {
    expect(classifyConsolePage(url, named).kind).toBe(kind);
  });

  const oneHost = {
    destinationUrl: 'http://127.0.0.1:8080/cloudwatch/home?region=us-east-1',
    issuerUrl: 'http://127.0.0.1:8081/ended',
    federationUrl: 'http://127.0.0.1:8080/federation',
  };
  it.each<[string, ConsolePageKind]>([
    ['http://127.0.0.1:8080/cloudwatch/home#moved', 'destination'],
    ['http://127.0.0.1:8080/federation?Action=login', 'sign-in'],
    ['http://127.0.0.1:8080/signin', 'sign-in'],
    ['http://127.0.0.1:8080/logout', 'signed-out'],
    ['http://127.0.0.1:8081/ended', 'issuer'],
    ['http://127.0.0.1:8082/cloudwatch/home', 'foreign'],
  ])('%s is %s, all on one host', (url, kind) => {
    expect(classifyConsolePage(url, oneHost).kind).toBe(kind);
  });

  it('can have one port for both', () => {
    const onePort = {
      destinationUrl: 'http://us-east-1.console.localhost:80/cloudwatch/home',
      issuerUrl: 'vigil://ended/',
      federationUrl: 'http://signin.localhost/federation',
    };
    const kind = (url: string): ConsolePageKind => classifyConsolePage(url, onePort).kind;
    expect(kind('http://console.localhost/cloudwatch/home')).toBe('destination');
    expect(kind('http://console.localhost/ec2')).toBe('console-other');
    expect(kind('http://eu-west-1.signin.localhost/cloudwatch/home')).toBe('sign-in');
    expect(kind('https://signin.aws.amazon.com/signin')).toBe('sign-in');
    expect(kind('http://console.localhost:81/cloudwatch/home')).toBe('foreign');
  });

  it('can be named, on this machine only', () => {
    const hosts = consoleHosts({ console: ['*.console.localhost', '127.0.0.1:99'], signIn: ['localhost'] });
    expect(hosts.isConsole(new URL('http://a.console.localhost:5/'))).toBe(true);
    expect(hosts.isConsole(new URL('http://console.localhost:5/'))).toBe(false);
    expect(hosts.isConsole(new URL('http://127.0.0.1:98/'))).toBe(false);
    expect(hosts.isConsole(new URL('http://127.0.0.1:99/'))).toBe(true);
    expect(hosts.isSignIn(new URL('http://localhost:1/'))).toBe(true);
    for (const host of ['*:port', 'evil.test', '*.evil.test', 'localhost.evil.test', 'localhost/x', 'a b', ''])
      expect(() => consoleHosts({ console: [host] })).toThrow(
        expect.objectContaining({ code: 'SETTINGS_INVALID' }) as Error,
      );
  });
});

it('tells hosts by their labels', () => {
  for (const host of [
    'console.aws.amazon.com',
    'CONSOLE.amazonaws.cn',
    'x.console.amazonaws-us-gov.com.',
    'a.b.console.aws.amazon.com',
  ])
    expect(isConsoleHost(host)).toBe(true);
  for (const host of [
    'signin.aws.amazon.com',
    'us-east-1.signin.aws',
    'signin.amazonaws.cn',
    'eusc-de-east-1.signin.amazonaws-eusc.eu',
  ])
    expect(isSignInHost(host)).toBe(true);
  for (const host of ['aws.amazon.com', 'evil.signin.aws.amazon.com.test', 'xsignin.aws', 'console', 'signin', '']) {
    expect(isConsoleHost(host)).toBe(false);
    expect(isSignInHost(host)).toBe(false);
  }
});
