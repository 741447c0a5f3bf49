import { blankRefusal } from '../../autoid/v2/reply.ts';
import type { Random } from '../../core/ports.ts';
import { REFUSAL } from '../app.ts';
import { canonicalAddress } from '../limits/addresses.ts';

/** What API Gateway and Function URLs take for an answer. */
export interface GatewayResult {
  readonly statusCode: number;
  readonly headers?: Readonly<Record<string, string | string[]>> | undefined;
  readonly multiValueHeaders?: Readonly<Record<string, string[]>> | undefined;
  readonly body: string;
  readonly isBase64Encoded: boolean;
}

/** What an event says, in the one form that the rest reads. */
export interface EventRequest {
  /** The event for the adapter, its path as the app knows paths, and nothing in it that no request can be made of. */
  readonly event: Readonly<Record<string, unknown>>;
  readonly path: string;
  /** The client's address as AWS saw it; headers are not looked at. */
  readonly address: string | undefined;
}

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
type Fields = Readonly<Record<string, unknown>>;

/**
 * The request in an event of an API Gateway REST API or HTTP API (payload 1.0), an HTTP API (payload 2.0) or a Function URL
 * (API Gateway developer guide, "Lambda proxy integrations"; Lambda developer guide, "Function URLs"); undefined for every
 * other event. REST APIs leave the stage out of `path` unless a custom domain names none; HTTP APIs have every stage but
 * `$default` in `rawPath`; behind `{proxy+}` the parameter is the path without the base path of a custom domain.
 */
export function readEvent(event: unknown): EventRequest | undefined {
  const { requestContext, ...fields } = fieldsOf(event) ?? {};
  const context = fieldsOf(requestContext);
  if (context === undefined) return undefined;
  const http = fieldsOf(context['http']);
  const isV2 = http !== undefined && typeof fields['rawPath'] === 'string';
  const from = isV2 ? http['sourceIp'] : fieldsOf(context['identity'])?.['sourceIp'];
  const given = isV2 ? fields['rawPath'] : fields['path'];
  const method = isV2 ? http['method'] : fields['httpMethod'];
  if (typeof given !== 'string' || typeof method !== 'string' || typeof from !== 'string') return undefined;

  const known = METHODS.has(method) ? method : 'GET';
  const path = pathOf(given, { ...fields, ...(isV2 ? {} : { routeKey: fields['resource'] }) }, context['stage']);
  const { body, isBase64Encoded, ...rest } = fields;
  const isSound = typeof body === 'string' && (isBase64Encoded !== true || BASE64.test(body));
  const hasBody = known !== 'GET' && known !== 'HEAD' && isSound;
  const plain = {
    ...rest,
    ...(hasBody ? { body, isBase64Encoded: isBase64Encoded === true } : { body: null, isBase64Encoded: false }),
  };
  const changed = isV2
    ? { ...plain, rawPath: path, rawQueryString: '', requestContext: { ...context, http: { ...http, method: known } } }
    : {
        ...plain,
        ...{ path, httpMethod: known, queryStringParameters: null, multiValueQueryStringParameters: null },
        requestContext: context,
      };
  return { event: changed, path, address: canonicalAddress(from) };
}

/** The refusal of a path where the app itself cannot give it. */
export function refusalFor(path: string, random: Random): GatewayResult {
  const isV2 = path.startsWith('/v2/');
  return {
    statusCode: REFUSAL.status,
    headers: {
      'content-type': isV2 ? 'application/octet-stream' : REFUSAL.type,
      'cache-control': 'no-store',
    },
    body: isV2 ? Buffer.from(blankRefusal(random).body).toString('base64') : REFUSAL.body,
    isBase64Encoded: isV2,
  };
}

/** The result without the one header that is about a connection, which is API Gateway's own. */
export function forGateway(result: GatewayResult): GatewayResult {
  const { headers, multiValueHeaders, ...rest } = result;
  const plain = <T>(all: Readonly<Record<string, T>>): Record<string, T> =>
    Object.fromEntries(Object.entries(all).filter(([name]) => name.toLowerCase() !== 'connection'));
  return {
    ...rest,
    ...(headers === undefined ? {} : { headers: plain(headers) }),
    ...(multiValueHeaders === undefined ? {} : { multiValueHeaders: plain(multiValueHeaders) }),
  };
}

function pathOf(given: string, { pathParameters, routeKey }: Fields, stage: unknown): string {
  const proxy = fieldsOf(pathParameters)?.['proxy'];
  const isProxied = typeof proxy === 'string' && typeof routeKey === 'string' && routeKey.endsWith('{proxy+}');
  const path = isProxied ? `/${proxy}` : given.startsWith('/') ? given : '/';
  const prefix = typeof stage === 'string' && stage !== '$default' ? `/${stage}/` : undefined;
  return prefix !== undefined && path.startsWith(prefix) ? path.slice(prefix.length - 1) : path;
}

function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}
