import { type IncomingMessage, type ServerResponse, createServer, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How a server misbehaves. */
export type Misbehaviour = 'cut-off' | 'not-json' | 'huge' | 'hang' | { readonly status: number };

/** A server on loopback that passes everything on to another one, or misbehaves in its place. */
export interface Front {
  readonly url: string;
  /** Path and authorization of each request. */
  readonly requests: readonly { readonly path: string; readonly authorization: string | undefined }[];
  misbehave(how: Misbehaviour | undefined): void;
  stop(): Promise<void>;
}

export async function openFront(target: string): Promise<Front> {
  const requests: { path: string; authorization: string | undefined }[] = [];
  let misbehaviour: Misbehaviour | undefined;
  const server = createServer((request, response) => {
    requests.push({ path: request.url ?? '', authorization: request.headers.authorization });
    response.on('error', () => undefined);
    if (misbehaviour === undefined) passOn(target, request, response);
    else misbehave(misbehaviour, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    requests,
    misbehave(how) {
      misbehaviour = how;
    },
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function passOn(target: string, request: IncomingMessage, response: ServerResponse): void {
  // The host stays as it was asked for: what a server says of itself then leads back to the front.
  const onward = send(
    new URL(request.url ?? '/', target),
    { method: request.method, headers: request.headers },
    (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    },
  );
  onward.on('error', () => response.destroy());
  request.pipe(onward);
}

function misbehave(how: Misbehaviour, response: ServerResponse): void {
  if (how === 'hang') return;
  if (how === 'cut-off') {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': 4096 });
    response.write('{"name":"@wall', () => response.destroy());
  } else if (how === 'not-json') {
    response
      .writeHead(200, { 'content-type': 'text/html' })
      .end('<!doctype html><title>Guest network</title><p>Accept our terms.');
  } else if (how === 'huge') {
    response.writeHead(200, { 'content-type': 'application/json' });
    const block = Buffer.alloc(1 << 16, 'x');
    const pour = () => {
      while (!response.destroyed && response.write(block));
    };
    response.on('drain', pour);
    pour();
  } else {
    response.writeHead(how.status, { 'content-type': 'text/html' }).end('<h1>failed</h1>');
  }
}
