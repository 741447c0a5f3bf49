import { expect, it } from 'vitest';
import { isHealthAddress } from './health-address.ts';

it.each([
  'http://127.0.0.1:9464/healthz',
  'http://127.0.0.1:9464',
  'https://127.0.0.1:9464/state?x#y',
  'http://localhost:9464/',
  'http://LOCALHOST.:9464/',
  'http://anything.localhost:9464/',
  'http://[::1]:9464/metrics',
  'http://[0:0:0:0:0:0:0:1]:9464/',
  'http://[::ffff:127.0.0.1]:9464/',
  'http://[::ffff:7f00:1]:9464/',
  'http://[::]:9464/',
  'http://0.0.0.0:9464/',
  'http://0:9464/',
  'http://127.1:9464/',
  'http://2130706433:9464/',
  'http://0x7f.0.0.1:9464/',
  'http://user:word@127.0.0.1:9464/',
  'ws://127.0.0.1:9464/',
  'http://127.0.0.1:8080/',
])('knows %s', (address) => {
  expect(isHealthAddress(address, [8080, 9464])).toBe(true);
});

it.each([
  'http://127.0.0.1:9465/',
  'http://127.0.0.1/',
  'https://eu-west-1.console.aws.amazon.com/cloudwatch/home',
  'https://console.aws.amazon.com:9464/',
  'http://127.0.0.1.example.com:9464/',
  'http://localhost.example.com:9464/',
  'http://notlocalhost:9464/',
  'http://[2001:db8::7f00:1]:9464/',
  'http://[::ffff:8.8.8.8]:9464/',
  'data:text/html,127.0.0.1:9464',
  'about:blank',
  'not an address',
  '',
])('takes %s for somebody else', (address) => {
  expect(isHealthAddress(address, [9464])).toBe(false);
});

it('knows the ports that addresses leave out', () => {
  expect(isHealthAddress('http://localhost/', [80])).toBe(true);
  expect(isHealthAddress('https://localhost/', [443])).toBe(true);
  expect(isHealthAddress('wss://localhost/', [443])).toBe(true);
  expect(isHealthAddress('https://localhost/', [80])).toBe(false);
});

const OWN = ['127.0.0.1', '192.168.1.5', 'fe80::1:2%eth0', '2001:db8::5'];

it.each([
  'http://192.168.1.5:9464/',
  'http://0xc0a80105:9464/state',
  'http://[::ffff:192.168.1.5]:9464/',
  'http://[fe80::1:2]:9464/',
  'http://[2001:db8:0:0::5]:9464/',
])('knows %s by the addresses of this machine', (address) => {
  expect(isHealthAddress(address, [9464], () => OWN)).toBe(true);
  expect(isHealthAddress(address, [9464])).toBe(false);
});

it('takes a neighbour for somebody else, and asks for no addresses where the port is another', () => {
  expect(isHealthAddress('http://192.168.1.6:9464/', [9464], () => OWN)).toBe(false);
  expect(isHealthAddress('http://[2001:db8::6]:9464/', [9464], () => [...OWN, 'no address'])).toBe(false);
  const own = () => {
    throw new Error('asked for');
  };
  expect(isHealthAddress('http://192.168.1.5:9465/', [9464], own)).toBe(false);
});
