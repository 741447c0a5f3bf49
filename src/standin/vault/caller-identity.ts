/** Vault's AWS method by iam: a GetCallerIdentity that the caller signed and Vault sends to STS, here judged at once. */
import { verifySignature } from '../sigv4.ts';
import type { World } from '../world.ts';

type Input = Readonly<Record<string, unknown>>;

const decoded = (value: unknown): string =>
  typeof value === 'string' ? Buffer.from(value, 'base64').toString('utf8') : '';

/** Headers that Vault passes on to STS; others of the caller's are refused. */
const ALLOWED =
  /^(authorization|content-length|content-type|host|user-agent|accept|x-amz-[\w-]+|amz-sdk-[\w-]+|x-vault-aws-iam-server-id)$/;
const SERVER_ID = 'x-vault-aws-iam-server-id';

/** Who signed it, by the ARN that roles are bound to; or why Vault does not believe it. */
export function callerOf(
  world: World,
  input: Input,
  serverId: string | undefined,
): { readonly arn: string } | { readonly refusal: string } {
  const refuse = (refusal: string) => ({ refusal });
  if (input['iam_http_request_method'] !== 'POST')
    return refuse("invalid iam_http_request_method; currently only 'POST' is supported");
  const url = decoded(input['iam_request_url']);
  const body = decoded(input['iam_request_body']);
  if (!URL.canParse(url) || new URL(url).pathname !== '/' || new URL(url).search !== '')
    return refuse('invalid iam_request_url');
  const form = new URLSearchParams(body);
  if (form.getAll('Action').join() !== 'GetCallerIdentity')
    return refuse('error validating iam_request_body: only GetCallerIdentity is taken');
  const headers = headersOf(decoded(input['iam_request_headers']));
  if (headers === undefined) return refuse('error parsing iam_request_headers');
  const stray = Object.keys(headers).find((name) => !ALLOWED.test(name));
  if (stray !== undefined) return refuse(`invalid request header: ${stray}`);
  if (serverId !== undefined) {
    const signed = /SignedHeaders=([^,]+)/.exec(headers['authorization'] ?? '')?.[1]?.split(';') ?? [];
    if (headers[SERVER_ID] === undefined)
      return refuse('error validating X-Vault-AWS-IAM-Server-ID header: missing header');
    if (headers[SERVER_ID] !== serverId)
      return refuse(`error validating X-Vault-AWS-IAM-Server-ID header: expected ${serverId}`);
    if (!signed.includes(SERVER_ID))
      return refuse("error validating X-Vault-AWS-IAM-Server-ID header: it wasn't signed");
  }
  const request = {
    method: 'POST',
    target: '/',
    headers: { ...headers, host: new URL(url).host },
    body: Buffer.from(body, 'utf8'),
  };
  const verdict = verifySignature(world, 'sts', request);
  if (!verdict.ok) return refuse('error making upstream request: received error code 403 from STS');
  const { arn, roleArn } = verdict.credential;
  return { arn: roleArn ?? arn };
}

/** JSON of name → value or list of values, in whatever case. */
function headersOf(text: string): Record<string, string> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return undefined;
    return Object.fromEntries(
      Object.entries(value).map(([name, one]) => [
        name.toLowerCase(),
        Array.isArray(one) ? one.join(',') : String(one),
      ]),
    );
  } catch {
    return undefined;
  }
}
