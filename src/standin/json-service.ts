/** The AWS JSON protocols (1.0 and 1.1), as far as Secrets Manager and CloudWatch need them. */
import { randomUUID } from 'node:crypto';
import type { Answer, Handler } from './http.ts';
import { verifySignature } from './sigv4.ts';
import type { SignatureFault } from './sigv4.ts';
import { mayDo, notAuthorized } from './world.ts';
import type { Credential, World } from './world.ts';

export interface JsonFailure {
  readonly code: string;
  readonly message: string;
  /** The older query protocol's name of the error, sent in a header by services that once spoke it. */
  readonly queryCode?: string;
}

export type JsonResult =
  { readonly result: unknown; readonly detail?: string } | { readonly failure: JsonFailure; readonly detail?: string };

export interface JsonService {
  readonly service: string;
  readonly version: '1.0' | '1.1';
  /** First part of `X-Amz-Target`. */
  readonly targetPrefix: string;
  /** What IAM calls the resource of this call. */
  resource(input: Record<string, unknown>, caller: Credential): string;
  readonly operations: Readonly<
    Record<string, (input: Record<string, unknown>, caller: Credential, region: string) => JsonResult>
  >;
}

function signatureFailure(fault: SignatureFault): JsonFailure {
  switch (fault.reason) {
    case 'missing':
      return { code: 'MissingAuthenticationTokenException', message: 'Missing Authentication Token' };
    case 'incomplete':
      return { code: 'IncompleteSignatureException', message: fault.message };
    case 'unknown-key':
    case 'wrong-token':
      return { code: 'UnrecognizedClientException', message: 'The security token included in the request is invalid.' };
    case 'expired':
      return { code: 'ExpiredTokenException', message: 'The security token included in the request is expired' };
    case 'skew':
    case 'scope':
      return { code: 'InvalidSignatureException', message: fault.message };
    default:
      return {
        code: 'InvalidSignatureException',
        message:
          'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
      };
  }
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

export function jsonHandler(world: World, definition: JsonService): Handler {
  return (request): Answer => {
    const [prefix, action = ''] = (request.headers['x-amz-target'] ?? '').split('.');
    const headers = {
      'content-type': `application/x-amz-json-${definition.version}`,
      'x-amzn-requestid': randomUUID(),
    };
    const fail = (failure: JsonFailure, detail = failure.code): Answer => {
      const query: Record<string, string> = failure.queryCode
        ? { 'x-amzn-query-error': `${failure.queryCode};Sender` }
        : {};
      const body = JSON.stringify({ __type: failure.code, message: failure.message });
      return { status: 400, action: action || 'unknown', headers: { ...headers, ...query }, body, detail };
    };
    const operation = Object.hasOwn(definition.operations, action) ? definition.operations[action] : undefined;
    if (
      request.method !== 'POST' ||
      request.path !== '/' ||
      prefix !== definition.targetPrefix ||
      operation === undefined
    ) {
      return fail({ code: 'UnknownOperationException', message: '' });
    }
    const verdict = verifySignature(world, definition.service, request);
    if (!verdict.ok) return fail(signatureFailure(verdict.fault));
    const input = parseObject(request.body.toString('utf8'));
    if (input === undefined)
      return fail({ code: 'SerializationException', message: 'The request body is not a JSON object.' });
    const permission = `${definition.service === 'monitoring' ? 'cloudwatch' : definition.service}:${action}`;
    if (!mayDo(verdict.credential, permission)) {
      return fail({
        code: 'AccessDeniedException',
        message: notAuthorized(verdict.credential, permission, definition.resource(input, verdict.credential)),
      });
    }
    const outcome = operation(input, verdict.credential, verdict.region);
    if ('failure' in outcome) return fail(outcome.failure, outcome.detail);
    const answer = { status: 200, action, headers, body: JSON.stringify(outcome.result) };
    return outcome.detail === undefined ? answer : { ...answer, detail: outcome.detail };
  };
}
