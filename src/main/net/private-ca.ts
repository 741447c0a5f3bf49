import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { Session } from 'electron';

const USE_CHROMIUMS_VERDICT = -3;
const TRUSTED = 0;
// net::ERR_CERT_AUTHORITY_INVALID: the only complaint that another authority can answer.
const AUTHORITY_INVALID = -202;

/**
 * Trusts certificate authorities beside the operating system's in one Electron session. Everything else about a certificate (name,
 * dates, revocation) stays Chromium's to judge.
 */
export function trustAuthorities(session: Session, authorities: readonly X509Certificate[], now: () => number): void {
  if (authorities.length === 0) return;
  session.setCertificateVerifyProc((request, answer) => {
    const chain = request.errorCode === AUTHORITY_INVALID ? chainOf(request.certificate) : [];
    answer(isIssuedBy(chain, authorities, request.hostname, now()) ? TRUSTED : USE_CHROMIUMS_VERDICT);
  });
}

/** The certificates of a PEM text, in order; throws when one cannot be read. */
export function readAuthorities(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}

/**
 * Whether a chain, leaf first, ends at one of the authorities (RFC 5280, 6.1: signatures, dates, CA flag) and its leaf is for the host.
 */
export function isIssuedBy(
  chain: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
  hostname: string,
  now: number,
): boolean {
  const [leaf] = chain;
  if (leaf === undefined) return false;
  const named = isIP(hostname) === 0 ? leaf.checkHost(hostname) : leaf.checkIP(hostname);
  if (named === undefined) return false;
  let current = leaf;
  for (let depth = 0; depth < 8; depth += 1) {
    if (!isInDate(current, now)) return false;
    const at = current;
    const signed = (issuer: X509Certificate) => issuer.ca && at.checkIssued(issuer) && at.verify(issuer.publicKey);
    if (authorities.some((authority) => isInDate(authority, now) && signed(authority))) return true;
    const next = chain.find((candidate) => candidate !== at && signed(candidate));
    if (next === undefined) return false;
    current = next;
  }
  return false;
}

function isInDate(certificate: X509Certificate, now: number): boolean {
  return Date.parse(certificate.validFrom) <= now && now <= Date.parse(certificate.validTo);
}

/** What is used of Electron's certificate; its type says that an issuer is always there, which it is not. */
interface LinkedCertificate {
  readonly data: string;
  readonly fingerprint: string;
  readonly issuerCert?: LinkedCertificate;
}

function chainOf(certificate: LinkedCertificate): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let current: LinkedCertificate | undefined = certificate;
  while (current !== undefined && chain.length < 8) {
    try {
      chain.push(new X509Certificate(current.data));
    } catch {
      return [];
    }
    // A self-signed certificate is its own issuer.
    const issuer: LinkedCertificate | undefined = current.issuerCert;
    current = issuer?.fingerprint === current.fingerprint ? undefined : issuer;
  }
  return chain;
}
