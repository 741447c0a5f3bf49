/** An RSA public key as big-endian numbers without leading zeros. */
export interface RsaNumbers {
  readonly modulus: Uint8Array;
  readonly exponent: Uint8Array;
}

const INTEGER = 0x02;
const BIT_STRING = 0x03;
const SEQUENCE = 0x30;

/** DER of AlgorithmIdentifier { rsaEncryption, NULL } (RFC 3279 section 2.3.1), after its own tag and length. */
const RSA_ENCRYPTION = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

/** RSAPublicKey (RFC 8017 appendix A.1.1), strictly DER, nothing after it; undefined for anything else. */
export function readPkcs1PublicKey(der: Uint8Array): RsaNumbers | undefined {
  const [modulus, exponent, ...more] = elements(only(der, SEQUENCE)) ?? [];
  if (modulus?.tag !== INTEGER || exponent?.tag !== INTEGER || more.length > 0) return undefined;
  return numbersOf(modulus.content, exponent.content);
}

/** SubjectPublicKeyInfo (RFC 5280 section 4.1) of an RSA key, strictly DER; undefined for anything else. */
export function readSpkiRsa(der: Uint8Array): RsaNumbers | undefined {
  const [algorithm, key, ...more] = elements(only(der, SEQUENCE)) ?? [];
  if (algorithm?.tag !== SEQUENCE || key?.tag !== BIT_STRING || more.length > 0) return undefined;
  if (algorithm.content.length !== RSA_ENCRYPTION.length) return undefined;
  if (!RSA_ENCRYPTION.every((byte, i) => algorithm.content[i] === byte)) return undefined;
  return key.content[0] === 0 ? readPkcs1PublicKey(key.content.subarray(1)) : undefined;
}

/** The blob of an OpenSSH `ssh-rsa` key (RFC 4253 section 6.6): name, exponent, modulus; undefined for anything else. */
export function readOpenSshRsa(blob: Uint8Array): RsaNumbers | undefined {
  const fields: Uint8Array[] = [];
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  for (let at = 0; at < blob.length;) {
    if (at + 4 > blob.length) return undefined;
    const end = at + 4 + view.getUint32(at);
    if (end > blob.length) return undefined;
    fields.push(blob.subarray(at + 4, end));
    at = end;
  }
  const [name, exponent, modulus, ...more] = fields;
  if (name === undefined || exponent === undefined || modulus === undefined || more.length > 0) return undefined;
  return String.fromCharCode(...name) === 'ssh-rsa' ? numbersOf(modulus, exponent) : undefined;
}

interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
}

/** The content of the one element that the bytes are, if it has this tag. */
function only(der: Uint8Array, tag: number): Uint8Array | undefined {
  const [first, ...more] = elements(der) ?? [];
  return first?.tag === tag && more.length === 0 ? first.content : undefined;
}

/** The DER elements that follow each other in the bytes; lengths of up to two bytes, in their shortest form. */
function elements(der: Uint8Array | undefined): Element[] | undefined {
  if (der === undefined) return undefined;
  const found: Element[] = [];
  for (let at = 0; at < der.length;) {
    const [tag, short, high = 0, low = 0] = der.subarray(at, at + 4);
    if (tag === undefined || short === undefined) return undefined;
    let header = 2;
    let length = short;
    if (short === 0x81) [header, length] = [3, high];
    else if (short === 0x82) [header, length] = [4, high * 256 + low];
    else if (short > 0x7f) return undefined;
    if ((short === 0x81 && length < 0x80) || (short === 0x82 && length < 0x100)) return undefined;
    const end = at + header + length;
    if (end > der.length) return undefined;
    found.push({ tag, content: der.subarray(at + header, end) });
    at = end;
  }
  return found;
}

function numbersOf(modulus: Uint8Array, exponent: Uint8Array): RsaNumbers | undefined {
  const [n, e] = [positive(modulus), positive(exponent)];
  if (n === undefined || e === undefined) return undefined;
  const odd = (number: Uint8Array): boolean => ((number.at(-1) ?? 0) & 1) === 1;
  const usable = odd(n) && odd(e) && e.length <= 4 && (e.length > 1 || (e[0] ?? 0) > 1);
  return usable ? { modulus: n, exponent: e } : undefined;
}

/** A positive two's-complement number in its shortest form, without its leading zero; DER and SSH agree on this. */
function positive(bytes: Uint8Array): Uint8Array | undefined {
  const [first, second] = bytes;
  if (first === undefined || first > 0x7f) return undefined;
  if (first > 0) return bytes;
  return second !== undefined && second > 0x7f ? bytes.subarray(1) : undefined;
}
