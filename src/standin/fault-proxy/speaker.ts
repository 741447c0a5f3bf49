/** Speaks in a target's place: answers requests, shows a portal or a certificate. */
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer } from 'node:tls';
import { makeCertificate } from '../certificate.ts';
import type { Rules } from './rules.ts';

type Speech = NonNullable<Rules['speaker']>;
type Certificate = { readonly key: string; readonly cert: string };

/** First byte of a TLS record with a handshake message (RFC 8446, 5.1). No HTTP request begins with it. */
const TLS_HANDSHAKE = 0x16;

const PORTAL = 'portal.guest.test';
const PORTAL_PAGE =
  '<!doctype html><title>Guest network</title><h1>Welcome</h1><p>Please accept our terms before you go on.</p>\n';

export interface SpeakerPorts {
  readonly onAnswered: (detail: string) => void;
  readonly onTls: (taken: boolean, detail: string) => void;
  /** Leads a connection on to the real target. @param secure whether TLS was taken off it */
  readonly leadOn: (socket: Duplex, secure: boolean) => void;
  readonly reset: () => void;
}

export class Speaker {
  readonly #tls: Certificate | undefined;
  readonly #roles = new WeakMap<Duplex, { speech: Speech; ports: SpeakerPorts }>();
  readonly #server = createServer((request, response) => {
    this.#respond(request, response);
  });
  #portal: Certificate | undefined;

  /** @param tls the targets' own certificate, where there is one */
  constructor(tls: Certificate | undefined) {
    this.#tls = tls;
  }

  /** Takes over a new connection. */
  take(socket: Socket, speech: Speech, ports: SpeakerPorts): void {
    socket.once('data', (first: Buffer) => {
      socket.pause();
      socket.unshift(first);
      if (first[0] === TLS_HANDSHAKE) this.#secure(socket, speech, ports);
      else if (speech.kind === 'certificate') ports.leadOn(socket, false);
      else this.#converse(socket, speech, ports);
    });
  }

  #secure(socket: Socket, speech: Speech, ports: SpeakerPorts): void {
    const certificate = this.#certificateFor(speech);
    if (certificate === undefined) {
      ports.reset();
      return;
    }
    // A server of its own for each connection: it alone tells of handshakes that the client broke off.
    const server = createTlsServer({ key: certificate.key, cert: certificate.cert });
    server.once('secureConnection', (secured) => {
      secured.on('error', () => socket.destroy());
      secured.once('close', () => socket.destroy());
      ports.onTls(true, speech.kind);
      if (speech.kind === 'certificate') ports.leadOn(secured, true);
      else this.#converse(secured, speech, ports);
    });
    server.once('tlsClientError', (error) => {
      ports.onTls(false, 'code' in error ? String(error.code) : error.name);
      socket.destroy();
    });
    // A client that leaves in the middle of the handshake must be noticed.
    socket.allowHalfOpen = false;
    server.emit('connection', socket);
  }

  #certificateFor(speech: Speech): Certificate | undefined {
    if (speech.kind === 'certificate') return speech;
    if (speech.kind === 'answer') return this.#tls;
    this.#portal ??= makeCertificate({ name: PORTAL, hosts: [PORTAL] });
    return this.#portal;
  }

  #converse(socket: Duplex, speech: Speech, ports: SpeakerPorts): void {
    this.#roles.set(socket, { speech, ports });
    this.#server.emit('connection', socket);
    // What was given back is read once the server listens.
    process.nextTick(() => socket.resume());
  }

  #respond(request: IncomingMessage, response: ServerResponse): void {
    const role = this.#roles.get(request.socket);
    request.resume();
    response.on('error', () => undefined);
    if (role === undefined || role.speech.kind === 'certificate') {
      response.destroy();
      return;
    }
    const { speech, ports } = role;
    const [status, headers, body] = answerOf(speech);
    const [path = ''] = (request.url ?? '').split('?');
    ports.onAnswered(`${request.method ?? ''} ${path} ${String(status)}`);
    // One answer a connection: the next request may be for the real target.
    response.writeHead(status, { 'content-type': 'text/html', connection: 'close', ...headers }).end(body);
  }
}

function answerOf(
  speech: Exclude<Speech, { kind: 'certificate' }>,
): [status: number, headers: Record<string, string>, body: string] {
  if (speech.kind === 'answer') {
    const after = speech.retryAfterSeconds;
    return [speech.status, after === undefined ? {} : { 'retry-after': String(after) }, '<h1>failed</h1>\n'];
  }
  if (speech.answer === 'page') return [200, {}, PORTAL_PAGE];
  return [302, { location: `http://${PORTAL}/welcome` }, PORTAL_PAGE];
}
