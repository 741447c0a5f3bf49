import { AppError } from '../core/errors.ts';
import type { Fetch, HttpRequest } from '../core/ports.ts';

/** What the AWS SDK hands to its HTTP handler, as far as Vigil reads it. Path and header values come encoded and signed. */
export interface SdkRequest {
  readonly method: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number | undefined;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | string[] | null>> | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** What the SDK wants back. The body is a web stream: the one form that every SDK client reads, streaming outputs included. */
export interface SdkResponse {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  readonly body: ReadableStream<Uint8Array>;
}

/** The SDK's HTTP handler interface, in its own words. */
export interface SdkRequestHandler {
  readonly metadata: { readonly handlerProtocol: string };
  handle(request: SdkRequest, options?: { abortSignal?: unknown }): Promise<{ response: SdkResponse }>;
  updateHttpClientConfig(): void;
  httpHandlerConfigs(): Record<string, never>;
  destroy(): void;
}

/** Limits of each call: `timeoutMs` for the whole call, `maxBytes` for the body of its answer. */
export interface SdkLimits {
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

/**
 * What every AWS client of ours is made with, so that the SDK looks nothing up: each of these it would otherwise search in
 * the environment and in the files of ~/.aws. Retries are Vigil's own.
 */
export const SDK_CLIENT_OPTIONS = {
  maxAttempts: 1,
  retryMode: 'standard',
  defaultsMode: 'standard',
  authSchemePreference: [] as string[],
  disableClockSkewCorrection: false,
  useDualstackEndpoint: false,
  useFipsEndpoint: false,
  userAgentAppId: 'vigil',
  ignoreConfiguredEndpointUrls: true,
} as const;

const METHODS: ReadonlySet<string> = new Set<HttpRequest['method']>(['GET', 'POST', 'PUT', 'DELETE', 'HEAD']);

/** The transport sets these itself, to the same values the SDK signed; Chromium refuses a request that brings its own. */
const TRANSPORT_HEADERS: ReadonlySet<string> = new Set(['host', 'content-length']);

/**
 * An HTTP handler for AWS SDK clients (`requestHandler`) that sends everything through the Fetch port, so that proxy,
 * private CA and limits are those of every other call. Rejects with whatever the port rejects with: the SDK passes an
 * `AppError` on unchanged (it adds `$metadata`). Give the client `maxAttempts: 1`: retries are Vigil's own.
 */
export function sdkRequestHandler(fetch: Fetch, limits: SdkLimits): SdkRequestHandler {
  return {
    metadata: { handlerProtocol: 'http/1.1' },
    async handle(request, options) {
      if (isAborted(options?.abortSignal)) {
        throw new AppError('NETWORK_INTERRUPTED', 'The call to AWS was given up before it was sent.');
      }
      const body = bodyOf(request.body);
      const answer = await fetch({
        method: methodOf(request.method),
        url: urlOf(request),
        headers: Object.fromEntries(
          Object.entries(request.headers).filter(([name]) => !TRANSPORT_HEADERS.has(name.toLowerCase())),
        ),
        ...(body === undefined ? {} : { body }),
        ...limits,
      });
      return {
        response: { statusCode: answer.status, headers: { ...answer.headers }, body: streamOf(answer.body) },
      };
    },
    updateHttpClientConfig() {
      // Nothing of this handler can be changed by a client: its limits are mandatory.
    },
    httpHandlerConfigs: () => ({}),
    destroy() {
      // Holds no connection of its own.
    },
  };
}

/** RFC 3986 percent-encoding as SigV4 wants it: everything but unreserved characters. */
function escape(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

function urlOf(request: SdkRequest): string {
  const port = request.port === undefined ? '' : `:${String(request.port)}`;
  const query = Object.entries(request.query ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, value]) => {
      if (value === null) return [escape(name)];
      const values = typeof value === 'string' ? [value] : value;
      return values.map((one) => `${escape(name)}=${escape(one)}`);
    })
    .join('&');
  return `${request.protocol}//${request.hostname}${port}${request.path}${query === '' ? '' : `?${query}`}`;
}

function methodOf(method: string): HttpRequest['method'] {
  const upper = method.toUpperCase();
  if (METHODS.has(upper)) return upper as HttpRequest['method'];
  throw new AppError('INTERNAL', `The AWS SDK asked for the HTTP method ${method}, which Vigil does not send.`);
}

function bodyOf(body: unknown): string | Uint8Array | undefined {
  if (body === undefined || body === null) return undefined;
  if (typeof body === 'string' || body instanceof Uint8Array) return body;
  if (body instanceof ArrayBuffer) return new Uint8Array(body);
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  throw new AppError('INTERNAL', 'The AWS SDK asked to send a stream, which Vigil does not send.');
}

function isAborted(signal: unknown): boolean {
  return typeof signal === 'object' && signal !== null && 'aborted' in signal && signal.aborted === true;
}

function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    start(controller) {
      if (bytes.length > 0) controller.enqueue(bytes);
      controller.close();
    },
  });
}
