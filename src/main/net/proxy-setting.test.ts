import { describe, expect, it } from 'vitest';
import { AppError } from '../../core/errors.ts';
import { readProxySetting } from './proxy-setting.ts';

const read = (setting: string, env = {}) => readProxySetting(setting, env);

describe('network.proxy', () => {
  it.each([
    ['none', { mode: 'direct' }],
    ['system', { mode: 'system' }],
    ['http://proxy.example:3128', { mode: 'fixed_servers', proxyRules: 'http://proxy.example:3128' }],
    ['http://proxy.example', { mode: 'fixed_servers', proxyRules: 'http://proxy.example' }],
    ['https://user:p%40ss@proxy.example', { mode: 'fixed_servers', proxyRules: 'https://proxy.example' }],
    ['http://user:pass@[::1]:3128', { mode: 'fixed_servers', proxyRules: 'http://[::1]:3128' }],
    ['socks://proxy.example:1080', { mode: 'fixed_servers', proxyRules: 'socks5://proxy.example:1080' }],
    ['socks5h://proxy.example:1080', { mode: 'fixed_servers', proxyRules: 'socks5://proxy.example:1080' }],
    ['socks4://proxy.example:1080', { mode: 'fixed_servers', proxyRules: 'socks4://proxy.example:1080' }],
    ['pac+http://proxy.example/a.pac', { mode: 'pac_script', pacScript: 'http://proxy.example/a.pac' }],
    ['pac+https://u:p@proxy.example/a.pac', { mode: 'pac_script', pacScript: 'https://proxy.example/a.pac' }],
  ])('%s as Chromium has it, without a login', (setting, config) => {
    expect(read(setting).config).toEqual(config);
  });

  it.each(['socks4a://proxy.example:1080', 'socks5://user:pass@proxy.example:1080'])(
    '%s is refused, for Chromium cannot do it',
    (setting) => {
      expect(() => read(setting)).toThrow(AppError);
      expect(() => read(setting)).toThrow(/network\.proxy/);
    },
  );
});

describe('the login', () => {
  const at = (host: string, port: number) => ({ host, port });

  it('is for that proxy alone, host and port, with its special characters', () => {
    const { login } = read('http://a%40b:p%3Aw%25@Proxy.example:3128');
    expect(login(at('proxy.example', 3128))).toEqual({ user: 'a@b', password: 'p:w%' });
    expect(login(at('proxy.example', 8080))).toBeUndefined();
    expect(login(at('other.example', 3128))).toBeUndefined();
  });

  it('knows the usual ports, and IPv6 with or without its brackets', () => {
    expect(read('https://u:p@proxy.example').login(at('proxy.example', 443))?.user).toBe('u');
    expect(read('http://u:p@proxy.example').login(at('proxy.example', 80))?.user).toBe('u');
    expect(read('http://u:p@[::1]:3128').login(at('::1', 3128))?.user).toBe('u');
    expect(read('http://u:p@[::1]:3128').login(at('[::1]', 3128))?.user).toBe('u');
  });

  it('of a PAC address is for every proxy that the file names', () => {
    const { login } = read('pac+https://u:p@pac.example/a.pac');
    expect(login(at('any.example', 8080))).toEqual({ user: 'u', password: 'p' });
    expect(read('pac+https://pac.example/a.pac').login(at('any.example', 8080))).toBeUndefined();
  });

  it('of system is in the variables of the environment, in either case, with or without a scheme', () => {
    const { login } = read('system', {
      https_proxy: 'http://a:b@proxy.example:3128',
      HTTP_PROXY: 'c:d@plain.example:8080',
      all_proxy: 'not a url::',
    });
    expect(login(at('proxy.example', 3128))).toEqual({ user: 'a', password: 'b' });
    expect(login(at('plain.example', 8080))).toEqual({ user: 'c', password: 'd' });
    expect(login(at('other.example', 80))).toBeUndefined();
    expect(read('none', { https_proxy: 'http://a:b@p.example:1' }).login(at('p.example', 1))).toBeUndefined();
  });
});
