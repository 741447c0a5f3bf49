/** The control over HTTP, for programs outside this process: loopback only, and every call carries the token. */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { type IncomingMessage, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { asFault } from './rules.ts';
import type { FaultControl } from './types.ts';

const LONGEST_BODY = 1 << 16;

type Input = Readonly<Record<string, unknown>>;

function text(value: unknown, name: string): string {
  if (typeof value !== 'string' || value === '') throw new TypeError(`${name} is missing`);
  return value;
}

const optionalText = (value: unknown, name: string) => (value === undefined ? undefined : text(value, name));

/** `POST /NAME` with a JSON object of these fields; the answer is JSON. */
function callsOf(control: FaultControl, targets: readonly string[]): Record<string, (input: Input) => unknown> {
  return {
    on: ({ name, fault }) => control.on(text(name, 'name'), asFault(fault, targets)),
    off: ({ name }) => control.off(optionalText(name, 'name')),
    faults: () => control.faults(),
    events: ({ after }) => control.events(typeof after === 'number' ? after : undefined),
    connections: ({ target }) => ({ open: control.connections(optionalText(target, 'target')) }),
  };
}

async function readJson(incoming: IncomingMessage): Promise<Input> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > LONGEST_BODY) throw new RangeError('the body is too long');
    chunks.push(chunk);
  }
  return length === 0 ? {} : (Object(JSON.parse(Buffer.concat(chunks).toString())) as Input);
}

export async function startControlServer(control: FaultControl, targets: readonly string[]) {
  const token = randomBytes(24).toString('base64url');
  const calls = callsOf(control, targets);
  const wanted = Buffer.from(`Bearer ${token}`);
  const server = createServer((request, response) => {
    const answer = (status: number, value: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value ?? {}));
    };
    const given = Buffer.from(request.headers.authorization ?? '');
    const name = (request.url ?? '').slice(1);
    const call = Object.hasOwn(calls, name) ? calls[name] : undefined;
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) {
      answer(401, { message: 'The token is missing or wrong.' });
    } else if (request.method !== 'POST' || call === undefined) {
      answer(404, { message: `POST one of ${Object.keys(calls).join(', ')}.` });
    } else {
      readJson(request)
        .then(call)
        .then((result) => {
          answer(200, result);
        })
        .catch((error: unknown) => {
          answer(400, { message: String(error) });
        });
    }
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    token,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
