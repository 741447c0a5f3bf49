/**
 * Verification of AWS Signature Version 4 in the Authorization header, written from the published algorithm ("Create a
 * signed AWS API request", IAM User Guide) so that it checks the clients' signing code instead of sharing it.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { liveCredential } from './world.ts';
import type { Credential, World } from './world.ts';

export interface SignedRequest {
  readonly method: string;
  /** Path and query exactly as on the wire. */
  readonly target: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Why a request is not authentic; each protocol has its own name and status for it. */
export type SignatureFault =
  | { readonly reason: 'missing' }
  | { readonly reason: 'incomplete'; readonly message: string }
  | { readonly reason: 'unknown-key' }
  | { readonly reason: 'wrong-token' }
  | { readonly reason: 'expired' }
  | { readonly reason: 'skew'; readonly message: string }
  | { readonly reason: 'scope'; readonly message: string; readonly region: string; readonly expected: string }
  | { readonly reason: 'payload' }
  | { readonly reason: 'mismatch' };

export type Verdict =
  | { readonly ok: true; readonly credential: Credential; readonly region: string }
  | { readonly ok: false; readonly fault: SignatureFault };

function bad(fault: SignatureFault): Verdict {
  return { ok: false, fault };
}

function sha256(data: Buffer | string): string {
  return createHash('sha256').update(data).digest('hex');
}

function hmac(key: Buffer | string, data: string): Buffer {
  return createHmac('sha256', key).update(data).digest();
}

/** Percent-encoding as AWS wants it: everything but unreserved characters (RFC 3986, section 2.3). */
function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', '%20'));
  } catch {
    return text;
  }
}

function canonicalQuery(query: string): string {
  if (query === '') return '';
  return query
    .split('&')
    .map((pair) => {
      const at = pair.indexOf('=');
      const [name, value] = at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
      return [encode(decode(name)), encode(decode(value))] as const;
    })
    .sort(([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : x > y ? 1 : 0))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

/** S3 signs the path as sent; every other service signs it encoded once more. */
function canonicalPath(path: string, service: string): string {
  if (service === 's3') return path;
  return path.split('/').map(encode).join('/') || '/';
}

/** `20260131T120000Z` as ms since the epoch, or undefined. */
function parseAmzDate(text: string | undefined): number | undefined {
  const m = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text ?? '');
  if (m === null) return undefined;
  const time = Date.parse(`${m.slice(1, 4).join('-')}T${m.slice(4, 7).join(':')}Z`);
  return Number.isNaN(time) ? undefined : time;
}

function formatAmzDate(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:]|\.\d+/g, '');
}

interface Authorization {
  readonly keyId: string;
  readonly date: string;
  readonly region: string;
  readonly service: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
}

function parseAuthorization(header: string): Authorization | string {
  if (!header.startsWith('AWS4-HMAC-SHA256 ')) return 'Unsupported AWS authorization type.';
  const parts = new Map(
    header
      .slice('AWS4-HMAC-SHA256 '.length)
      .split(',')
      .map((part) => {
        const [name = '', ...rest] = part.trim().split('=');
        return [name, rest.join('=')] as const;
      }),
  );
  const credential = parts.get('Credential');
  const signedHeaders = parts.get('SignedHeaders');
  const signature = parts.get('Signature');
  if (!credential) return "Authorization header requires 'Credential' parameter.";
  if (!signature) return "Authorization header requires 'Signature' parameter.";
  if (!signedHeaders) return "Authorization header requires 'SignedHeaders' parameter.";
  const [keyId, date, region, service, terminator, ...more] = credential.split('/');
  if (!keyId || !date || !region || !service || terminator !== 'aws4_request' || more.length > 0) {
    return 'Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.';
  }
  return { keyId, date, region, service, signedHeaders: signedHeaders.split(';'), signature };
}

/** The clock's tolerance, in minutes: S3 documents 15, the others 5. */
function toleranceMinutes(service: string): number {
  return service === 's3' ? 15 : 5;
}

function skewFault(signedAt: number, now: number, service: string): SignatureFault | undefined {
  const minutes = toleranceMinutes(service);
  const bound = minutes * 60_000;
  if (Math.abs(now - signedAt) <= bound) return undefined;
  const [signed, current] = [formatAmzDate(signedAt), formatAmzDate(now)];
  const message =
    signedAt < now
      ? `Signature expired: ${signed} is now earlier than ${formatAmzDate(now - bound)} (${current} - ${String(minutes)} min.)`
      : `Signature not yet current: ${signed} is still later than ${formatAmzDate(now + bound)} (${current} + ${String(minutes)} min.)`;
  return { reason: 'skew', message };
}

/** Hash of the body to put into the canonical request, or a fault when S3's own header contradicts the body. */
function payloadHash(request: SignedRequest, service: string): string | SignatureFault {
  const actual = sha256(request.body);
  if (service !== 's3') return actual;
  const declared = request.headers['x-amz-content-sha256'];
  if (declared === undefined)
    return { reason: 'incomplete', message: 'Missing required header for this request: x-amz-content-sha256' };
  if (declared === 'UNSIGNED-PAYLOAD') return declared;
  return declared === actual ? declared : { reason: 'payload' };
}

function signature(secret: string, request: SignedRequest, auth: Authorization, payload: string): Buffer {
  const [path = '/', query = ''] = request.target.split(/\?(.*)/s);
  const headers = auth.signedHeaders
    .map((n) => `${n}:${(request.headers[n] ?? '').trim().replace(/\s+/g, ' ')}\n`)
    .join('');
  const canonical = [
    request.method,
    canonicalPath(path, auth.service),
    canonicalQuery(query),
    headers,
    auth.signedHeaders.join(';'),
    payload,
  ].join('\n');
  const scope = `${auth.date}/${auth.region}/${auth.service}/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', request.headers['x-amz-date'] ?? '', scope, sha256(canonical)].join('\n');
  const dateKey = hmac(`AWS4${secret}`, auth.date);
  const serviceKey = hmac(hmac(dateKey, auth.region), auth.service);
  return hmac(hmac(serviceKey, 'aws4_request'), toSign);
}

/**
 * Is this request signed by a live credential, for this service and one of our regions, just now?
 * Every rule is checked in the order in which the real services answer.
 */
export function verifySignature(world: World, service: string, request: SignedRequest): Verdict {
  const header = request.headers['authorization'];
  if (header === undefined) return bad({ reason: 'missing' });
  const auth = parseAuthorization(header);
  if (typeof auth === 'string') return bad({ reason: 'incomplete', message: auth });
  const signedAt = parseAmzDate(request.headers['x-amz-date']);
  if (signedAt === undefined) {
    return bad({
      reason: 'incomplete',
      message: "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
    });
  }
  const names = auth.signedHeaders;
  const mustSign = Object.keys(request.headers).filter((name) => name === 'host' || name.startsWith('x-amz-'));
  const sorted = names.every((name, i) => i === 0 || (names[i - 1] ?? '') < name);
  const complete = mustSign.every((name) => names.includes(name)) && names.every((name) => name in request.headers);
  if (!sorted || !complete) {
    const unsigned = mustSign.filter((name) => !names.includes(name)).join(', ');
    const message = unsigned
      ? `'${unsigned}' must be a 'SignedHeader' in the AWS Authorization.`
      : 'SignedHeaders are not sorted or not present in the request.';
    return bad({ reason: 'incomplete', message });
  }

  const credential = liveCredential(world, auth.keyId);
  const token = request.headers['x-amz-security-token'];
  if (credential === undefined) return bad({ reason: 'unknown-key' });
  if (credential.sessionToken !== token) return bad({ reason: 'wrong-token' });
  if (credential.expiresAt !== undefined && world.now() >= credential.expiresAt) return bad({ reason: 'expired' });

  const expected = world.regions[0] ?? '';
  const scope = (message: string): Verdict => bad({ reason: 'scope', message, region: auth.region, expected });
  if (auth.service !== service) return scope(`Credential should be scoped to correct service: '${service}'.`);
  // IAM is one for all regions of a partition.
  const regions = service === 'iam' ? ['us-east-1'] : world.regions;
  if (!regions.includes(auth.region)) return scope('Credential should be scoped to a valid region.');
  if (auth.date !== formatAmzDate(signedAt).slice(0, 8))
    return scope('Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.');

  const skew = skewFault(signedAt, world.now(), service);
  if (skew !== undefined) return bad(skew);
  const payload = payloadHash(request, service);
  if (typeof payload !== 'string') return bad(payload);
  const given = Buffer.from(auth.signature, 'hex');
  const computed = signature(credential.secretAccessKey, request, auth, payload);
  if (given.length !== computed.length || !timingSafeEqual(given, computed)) return bad({ reason: 'mismatch' });
  const userKey = world.userKeys.get(auth.keyId);
  if (userKey !== undefined) userKey.lastUsedAt = world.now();
  return { ok: true, credential, region: auth.region };
}
