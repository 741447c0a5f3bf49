import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { Session } from 'electron';

const USE_CHROMIUMS_VERDICT = -3;
const TRUSTED = 0;
// Chromium's net/base/net_error_list.h. The first is the only complaint that another authority can answer.
const AUTHORITY_INVALID = -202;
const COMMON_NAME_INVALID = -200;
const DATE_INVALID = -201;
const LONGEST_CHAIN = 8;
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const ANY_USAGE = '2.5.29.37.0';

/**
 * Trusts certificate authorities beside the operating system's in one Electron session. Chromium still judges what it trusts by itself;
 * of a certificate of ours it is told why it is refused, where that is its name or its dates.
 */
export function trustAuthorities(session: Session, authorities: readonly X509Certificate[], now: () => number): void {
  if (authorities.length === 0) return;
  session.setCertificateVerifyProc((request, answer) => {
    const chain = request.errorCode === AUTHORITY_INVALID ? chainOf(request.certificate) : [];
    answer(VERDICTS[judgeChain(chain, authorities, request.hostname, now())]);
  });
}

/** The certificates of a PEM text, in order; throws when one cannot be read. */
export function readAuthorities(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}

/** What there is to say of a chain: it ends at none of the authorities, or it does, and is for another host, or out of date, or good. */
export type Verdict = 'unknown' | 'other-host' | 'out-of-date' | 'trusted';

const VERDICTS: Readonly<Record<Verdict, number>> = {
  unknown: USE_CHROMIUMS_VERDICT,
  'other-host': COMMON_NAME_INVALID,
  'out-of-date': DATE_INVALID,
  trusted: TRUSTED,
};

/**
 * Judges a chain, leaf first, by the authorities it may end at (RFC 5280, 6.1: signatures, dates, CA flag) and by the host its leaf is for.
 * @param now wall-clock ms
 */
export function judgeChain(
  chain: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
  hostname: string,
  now: number,
): Verdict {
  const [leaf] = chain;
  if (leaf === undefined || !isForServers(leaf)) return 'unknown';
  let current = leaf;
  let inDate = true;
  for (let depth = 0; depth < LONGEST_CHAIN; depth += 1) {
    inDate &&= isInDate(current, now);
    const at = current;
    const signed = (issuer: X509Certificate) => issuer.ca && at.checkIssued(issuer) && at.verify(issuer.publicKey);
    const authority = authorities.filter(signed).find((one) => isInDate(one, now)) ?? authorities.find(signed);
    if (authority !== undefined) {
      if (!isFor(leaf, hostname)) return 'other-host';
      return inDate && isInDate(authority, now) ? 'trusted' : 'out-of-date';
    }
    const next = chain.find((candidate) => candidate !== at && signed(candidate));
    if (next === undefined) return 'unknown';
    current = next;
  }
  return 'unknown';
}

function isFor(leaf: X509Certificate, hostname: string): boolean {
  return (isIP(hostname) === 0 ? leaf.checkHost(hostname) : leaf.checkIP(hostname)) !== undefined;
}

/** RFC 5280, 4.2.1.12: without the extension a certificate is for everything. Node's name for it is not X.509's. */
function isForServers({ keyUsage }: X509Certificate): boolean {
  const usages = keyUsage as string[] | undefined;
  return usages === undefined || usages.some((usage) => usage === SERVER_AUTH || usage === ANY_USAGE);
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
  while (current !== undefined && chain.length < LONGEST_CHAIN) {
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
