import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { makeCertificate } from '../../standin/certificate.ts';
import { judgeChain, readAuthorities } from './private-ca.ts';

const DAY = 86_400_000;
const root = makeCertificate({ name: 'Root', ca: true });
const middle = makeCertificate({ name: 'Middle', ca: true, issuer: root });
const leaf = makeCertificate({ name: 'leaf', hosts: ['wall.example', '127.0.0.1'], issuer: middle });
const x509 = ({ cert }: { cert: string }) => new X509Certificate(cert);
const chain = [x509(leaf), x509(middle)];
const now = Date.now();

describe('a private authority', () => {
  it('vouches for a chain that ends at it, for the right host and at the right time', () => {
    expect(judgeChain(chain, [x509(root)], 'wall.example', now)).toBe('trusted');
    expect(judgeChain(chain, [x509(root)], '127.0.0.1', now)).toBe('trusted');
    expect(judgeChain(chain, [x509(middle)], 'wall.example', now)).toBe('trusted');
  });

  it('says why it does not vouch: another host, or the time', () => {
    expect(judgeChain(chain, [x509(root)], 'other.example', now)).toBe('other-host');
    expect(judgeChain(chain, [x509(root)], 'wall.example', now + 2 * DAY)).toBe('out-of-date');
    expect(judgeChain(chain, [x509(root)], 'wall.example', now - 2 * DAY)).toBe('out-of-date');
    const old = makeCertificate({ name: 'old', hosts: ['wall.example'], issuer: root, to: now - DAY });
    expect(judgeChain([x509(old)], [x509(root)], 'wall.example', now)).toBe('out-of-date');
    const middleOfOld = makeCertificate({ name: 'Old middle', ca: true, issuer: root, to: now - DAY });
    const leafOfOld = makeCertificate({ name: 'x', hosts: ['wall.example'], issuer: middleOfOld });
    const chainOfOld = [x509(leafOfOld), x509(middleOfOld)];
    expect(judgeChain(chainOfOld, [x509(root)], 'wall.example', now)).toBe('out-of-date');
  });

  it('knows nothing of other chains', () => {
    expect(judgeChain([x509(leaf)], [x509(root)], 'wall.example', now)).toBe('unknown');
    expect(judgeChain([], [x509(root)], 'wall.example', now)).toBe('unknown');
    const impostor = makeCertificate({ name: 'Root', ca: true });
    expect(judgeChain(chain, [x509(impostor)], 'wall.example', now)).toBe('unknown');
  });

  it('does not vouch through a certificate that is no authority, even one that was named itself', () => {
    const signedByLeaf = makeCertificate({ name: 'x', hosts: ['wall.example'], issuer: leaf });
    expect(judgeChain([x509(signedByLeaf), ...chain], [x509(root)], 'wall.example', now)).toBe('unknown');
    const alone = makeCertificate({ name: 'alone', hosts: ['wall.example'] });
    expect(judgeChain([x509(alone)], [x509(alone)], 'wall.example', now)).toBe('unknown');
  });

  it('does not vouch for a certificate that is not for servers', () => {
    const usages = (...keyUsages: ('server' | 'client')[]) => {
      const one = makeCertificate({ name: 'x', hosts: ['wall.example'], issuer: root, keyUsages });
      return judgeChain([x509(one)], [x509(root)], 'wall.example', now);
    };
    expect([usages('server', 'client'), usages('client')]).toEqual(['trusted', 'unknown']);
  });

  it('is read from a PEM text with several certificates', () => {
    expect(readAuthorities(`junk\n${root.cert}\n${middle.cert}`)).toHaveLength(2);
  });
});
