import { readFileSync } from 'node:fs';
import type { Fetch } from '../../../core/ports.ts';
import type { GatewayResult } from '../event.ts';

type Event = Record<string, unknown> & { requestContext: Record<string, unknown> };

/** An event as AWS hands it to a function, from the folder `events`. Addresses and ids are made up; the form is AWS's. */
export function recordedEvent(name: string): Event {
  return JSON.parse(readFileSync(new URL(`./events/${name}.json`, import.meta.url), 'utf8')) as Event;
}

/** The same with another path, written as that kind of gateway writes it. */
export function eventFor(name: string, path: string, body: Uint8Array): Event {
  const event = recordedEvent(name);
  const encoded = { body: Buffer.from(body).toString('base64'), isBase64Encoded: true };
  const { http } = event.requestContext as { http?: object };
  if (http !== undefined) {
    return {
      ...event,
      ...encoded,
      rawPath: path,
      requestContext: { ...event.requestContext, http: { ...http, path } },
    };
  }
  return { ...event, ...encoded, path: `/walls${path}`, pathParameters: { proxy: path.slice(1) } };
}

/** The body of a result as the client gets it. */
export function bodyOf({ body, isBase64Encoded }: GatewayResult): Buffer {
  return Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8');
}

/** A client's way to a function through a gateway of the kind that an event is of. */
export function throughGateway(name: string, handler: (event: unknown) => Promise<GatewayResult>): Fetch {
  return async ({ url, body = '' }) => {
    const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
    const result = await handler(eventFor(name, new URL(url).pathname, bytes));
    const all = Object.entries({ ...result.headers, ...result.multiValueHeaders });
    const headers = Object.fromEntries(all.map(([header, value]) => [header, String(value)]));
    return { status: result.statusCode, headers, body: new Uint8Array(bodyOf(result)) };
  };
}
