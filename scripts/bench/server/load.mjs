// A closed loop of requests over many connections, as light as can be: it shares the machine with what it measures.
import { connect } from 'node:net';

/**
 * @typedef {object} Sample
 * @property {number} perSecond
 * @property {number} p50Ms
 * @property {number} p99Ms
 * @property {number} requests
 */

/**
 * One request as its bytes on the line.
 *
 * @param {string} path @param {string} type @param {Uint8Array | string} body
 */
export function wire(path, type, body) {
  const head = `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: ${type}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), Buffer.from(body)]);
}

/**
 * Sends requests for so long, each connection the next one as soon as it has its answer. Rejects when an answer has another
 * status than the wanted one.
 *
 * @param {{ port: number, connections: number, ms: number, status: number, next: () => Uint8Array | undefined }} options
 *   `next` gives undefined when there are no more
 * @returns {Promise<Sample>}
 */
export async function load({ port, connections, ms, status, next }) {
  /** @type {number[]} */
  const took = [];
  const began = performance.now();
  const until = began + ms;
  await Promise.all(Array.from({ length: connections }, () => oneConnection({ port, until, status, next, took })));
  const seconds = (performance.now() - began) / 1000;
  took.sort((a, b) => a - b);
  const at = (/** @type {number} */ share) => took[Math.min(took.length - 1, Math.floor(took.length * share))] ?? NaN;
  return { perSecond: took.length / seconds, p50Ms: at(0.5), p99Ms: at(0.99), requests: took.length };
}

/** @param {{ port: number, until: number, status: number, next: () => Uint8Array | undefined, took: number[] }} options */
function oneConnection({ port, until, status, next, took }) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1').setNoDelay();
    let began = 0;
    /** @type {Buffer[]} */
    let chunks = [];
    let have = 0;
    let whole = 0;
    const ask = () => {
      const request = performance.now() < until ? next() : undefined;
      if (request === undefined) {
        socket.end();
        resolve(undefined);
        return;
      }
      [chunks, have, whole, began] = [[], 0, 0, performance.now()];
      socket.write(request);
    };
    socket.on('connect', ask);
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the server closed a connection')));
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      have += chunk.length;
      if (whole === 0) {
        const text = Buffer.concat(chunks).toString('latin1');
        const end = text.indexOf('\r\n\r\n');
        if (end < 0) return;
        const [, length = '0'] = /\r\ncontent-length: (\d+)/i.exec(text) ?? [];
        whole = end + 4 + Number(length);
        const got = Number(text.slice(9, 12));
        if (got !== status) return reject(new Error(`an answer of status ${got}: ${text.slice(0, 200)}`));
      }
      if (have < whole) return;
      took.push(performance.now() - began);
      ask();
    });
  });
}
