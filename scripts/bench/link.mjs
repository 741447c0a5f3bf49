// A long line to a server on this machine: every byte takes its time in each direction, and each exchange is written down.
import { createServer, request as forward } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * @typedef {{ name: string, what: string, status: number, fromMs: number, toMs: number, newConnection: boolean }} Exchange
 *   times by `performance.now()`, as the client sees them: from sending the request to having the whole answer
 */

/**
 * Puts a link before an HTTP server. A request and its answer each take `oneWayMs`; a new connection takes a round trip
 * more before its first request, as TCP's handshake does. There is no limit to how much goes through.
 *
 * @param {{ name: string, target: string, oneWayMs: number, onExchange: (exchange: Exchange) => void }} options `target`
 *   is an http origin
 * @returns {Promise<{ origin: string, stop: () => Promise<void> }>}
 */
export async function startLink({ name, target, oneWayMs, onExchange }) {
  const { hostname, port } = new URL(target);
  const used = new WeakSet();
  const server = createServer(async (incoming, outgoing) => {
    // The handshake had to be over before the client could send this.
    const newConnection = !used.has(incoming.socket);
    used.add(incoming.socket);
    const fromMs = performance.now();
    /** @type {Buffer[]} */
    const body = [];
    for await (const chunk of incoming) body.push(chunk);
    await delay(oneWayMs * (newConnection ? 3 : 1));
    const { method, url, headers } = incoming;
    const call = forward({ hostname, port, method, path: url, headers, agent: false }, async (answer) => {
      /** @type {Buffer[]} */
      const chunks = [];
      for await (const chunk of answer) chunks.push(chunk);
      await delay(oneWayMs);
      const status = answer.statusCode ?? 0;
      outgoing.writeHead(status, answer.headers).end(Buffer.concat(chunks), () => {
        const what = `${method} ${new URL(url ?? '/', target).pathname}`;
        onExchange({ name, what, status, fromMs, toMs: performance.now(), newConnection });
      });
    });
    call.on('error', () => outgoing.destroy());
    call.end(Buffer.concat(body));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    origin: `http://127.0.0.1:${address.port}`,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/**
 * The longest chain of exchanges of which each began when the one before was over. Two that only happened to follow each
 * other count as well, so this is never too low.
 *
 * @param {readonly Exchange[]} exchanges
 * @returns {number}
 */
export function inSequence(exchanges) {
  let count = 0;
  let free = -Infinity;
  for (const { fromMs, toMs } of [...exchanges].sort((a, b) => a.toMs - b.toMs)) {
    if (fromMs < free) continue;
    count++;
    free = toMs;
  }
  return count;
}
