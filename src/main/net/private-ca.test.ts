import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { makeCertificate } from '../../standin/certificate.ts';
import { isIssuedBy, readAuthorities } from './private-ca.ts';

const DAY = 86_400_000;
const root = makeCertificate({ name: 'Root', ca: true });
const middle = makeCertificate({ name: 'Middle', ca: true, issuer: root });
const leaf = makeCertificate({ name: 'leaf', hosts: ['wall.example', '127.0.0.1'], issuer: middle });
const x509 = ({ cert }: { cert: string }) => new X509Certificate(cert);
const chain = [x509(leaf), x509(middle)];
const now = Date.now();

describe('a private authority', () => {
  it('vouches for a chain that ends at it, for the right host and at the right time', () => {
    expect(isIssuedBy(chain, [x509(root)], 'wall.example', now)).toBe(true);
    expect(isIssuedBy(chain, [x509(root)], '127.0.0.1', now)).toBe(true);
    expect(isIssuedBy(chain, [x509(middle)], 'wall.example', now)).toBe(true);
  });

  it('vouches for no other host, time or chain', () => {
    expect(isIssuedBy(chain, [x509(root)], 'other.example', now)).toBe(false);
    expect(isIssuedBy(chain, [x509(root)], 'wall.example', now + 2 * DAY)).toBe(false);
    expect(isIssuedBy([x509(leaf)], [x509(root)], 'wall.example', now)).toBe(false);
    expect(isIssuedBy([], [x509(root)], 'wall.example', now)).toBe(false);
    const impostor = makeCertificate({ name: 'Root', ca: true });
    expect(isIssuedBy(chain, [x509(impostor)], 'wall.example', now)).toBe(false);
  });

  it('does not vouch through a certificate that is no authority', () => {
    const signedByLeaf = makeCertificate({ name: 'x', hosts: ['wall.example'], issuer: leaf });
    expect(isIssuedBy([x509(signedByLeaf), ...chain], [x509(root)], 'wall.example', now)).toBe(false);
  });

  it('is read from a PEM text with several certificates', () => {
    expect(readAuthorities(`junk\n${root.cert}\n${middle.cert}`)).toHaveLength(2);
  });
});
