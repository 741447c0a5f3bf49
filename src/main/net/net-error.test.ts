import { describe, expect, it } from 'vitest';
import { explainNetError, explainPageError } from './net-error.ts';

const URL_WITH_SECRETS = 'https://sts.example:8443/path?token=secret';

describe('an error of the network', () => {
  it.each([
    ['net::ERR_INTERNET_DISCONNECTED', 'NETWORK_OFFLINE'],
    ['net::ERR_NAME_NOT_RESOLVED', 'NETWORK_DNS'],
    ['net::ERR_CONNECTION_REFUSED', 'NETWORK_REFUSED'],
    ['net::ERR_ADDRESS_UNREACHABLE', 'NETWORK_REFUSED'],
    ['net::ERR_CONNECTION_TIMED_OUT', 'NETWORK_TIMEOUT'],
    ['net::ERR_CONNECTION_RESET', 'NETWORK_INTERRUPTED'],
    ['net::ERR_EMPTY_RESPONSE', 'NETWORK_INTERRUPTED'],
    ['net::ERR_INVALID_HTTP_RESPONSE', 'NETWORK_INTERRUPTED'],
    ['net::ERR_CERT_AUTHORITY_INVALID', 'NETWORK_TLS'],
    ['net::ERR_CERT_DATE_INVALID', 'NETWORK_TLS'],
    ['ERR_CERT_COMMON_NAME_INVALID', 'NETWORK_TLS'],
    ['net::ERR_SSL_PROTOCOL_ERROR', 'NETWORK_TLS'],
    ['net::ERR_PROXY_CONNECTION_FAILED', 'NETWORK_PROXY'],
    ['net::ERR_TUNNEL_CONNECTION_FAILED', 'NETWORK_PROXY'],
    ['net::ERR_PROXY_CERTIFICATE_INVALID', 'NETWORK_PROXY'],
    ['net::ERR_MANDATORY_PROXY_CONFIGURATION_FAILED', 'NETWORK_PROXY'],
    ['net::ERR_SOCKS_CONNECTION_FAILED', 'NETWORK_PROXY'],
    ['net::ERR_NO_SUPPORTED_PROXIES', 'NETWORK_PROXY'],
  ])('%s is %s', (message, code) => {
    const failure = explainNetError(message, URL_WITH_SECRETS);
    expect(failure.code).toBe(code);
    expect(failure.sentence).toContain(message.replace('net::', ''));
    expect(failure.sentence).not.toContain('secret');
  });

  it('says what differs: a date, a name, an authority, a PAC file', () => {
    const say = (name: string) => explainNetError(name, URL_WITH_SECRETS).sentence;
    expect(say('ERR_CERT_DATE_INVALID')).toContain('clock');
    expect(say('ERR_CERT_COMMON_NAME_INVALID')).toContain('another host');
    expect(say('ERR_CERT_AUTHORITY_INVALID')).toContain('network.caFile');
    expect(say('ERR_MANDATORY_PROXY_CONFIGURATION_FAILED')).toContain('PAC');
    expect(say('ERR_CERT_DATE_INVALID')).toContain('https://sts.example:8443 ');
  });

  it('repeats nothing of a message that names no error', () => {
    const failure = explainNetError(`failed: ${URL_WITH_SECRETS}`, 'no address');
    expect(failure).toEqual({
      code: 'NETWORK_REFUSED',
      sentence: 'The address cannot be reached. Check that it runs and that the address is right.',
    });
  });
});

describe('a console page that did not load', () => {
  it.each([
    ['ERR_CERT_AUTHORITY_INVALID', 'NETWORK_TLS'],
    ['ERR_TUNNEL_CONNECTION_FAILED', 'NETWORK_PROXY'],
    ['ERR_NAME_NOT_RESOLVED', 'NETWORK_DNS'],
    ['ERR_INTERNET_DISCONNECTED', 'NETWORK_OFFLINE'],
    ['ERR_CONNECTION_RESET', 'CONSOLE_LOAD_FAILED'],
    ['ERR_CONNECTION_REFUSED', 'CONSOLE_LOAD_FAILED'],
    ['no name', 'CONSOLE_LOAD_FAILED'],
  ])('for %s is %s', (name, code) => {
    const failure = explainPageError(name, URL_WITH_SECRETS);
    expect(failure.code).toBe(code);
    expect(failure.sentence).not.toContain('secret');
  });
});
