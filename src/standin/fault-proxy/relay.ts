/** Stands before one target: a listener on loopback, and every connection through it. */
import { randomInt } from 'node:crypto';
import { type Server, type Socket, connect, createServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { Link } from './link.ts';
import { NO_FAULT, type Rules } from './rules.ts';
import type { Speaker } from './speaker.ts';
import type { FaultEvent } from './types.ts';

/**
 * Systems give ports from 32768 on to whoever asks for any (Linux: `ip_local_port_range`; IANA: 49152). One from there might be somebody
 * else's by the time that a relay which has refused wants it back.
 */
const FIRST_PORT = 20_000;
const LAST_PORT = 32_767;
const MOST_TRIES = 100;

export interface RelayPorts {
  readonly log: (what: FaultEvent['what'], detail?: string) => void;
  readonly fraction: () => number;
  readonly speaker: Speaker;
}

export class Relay {
  readonly #targetPort: number;
  readonly #ports: RelayPorts;
  readonly #open = new Map<Socket, Link | undefined>();
  readonly #server: Server;
  #port = 0;
  #rules: Rules = NO_FAULT;

  private constructor(targetPort: number, ports: RelayPorts) {
    this.#targetPort = targetPort;
    this.#ports = ports;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      this.#welcome(socket);
    });
  }

  static async start(targetPort: number, ports: RelayPorts): Promise<Relay> {
    const relay = new Relay(targetPort, ports);
    for (let tries = 1; ; tries++) {
      const port = randomInt(FIRST_PORT, LAST_PORT + 1);
      try {
        await relay.#listen(port);
        return relay;
      } catch (error) {
        const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
        if (!isTaken || tries >= MOST_TRIES) throw error;
      }
    }
  }

  get port(): number {
    return this.#port;
  }

  get connections(): number {
    return this.#open.size;
  }

  /** Resolves when the rules are in force. */
  async follow(rules: Rules): Promise<void> {
    const before = this.#rules;
    this.#rules = rules;
    if (isFatal(rules) || rules.speaker !== before.speaker) this.#resetAll();
    else {
      if (rules.drop !== before.drop && rules.drop === 'black-hole' && this.#open.size > 0)
        this.#ports.log('held', `${String(this.#open.size)} open`);
      for (const link of this.#open.values()) link?.follow(rules);
    }
    if (rules.drop === 'refuse') await this.#shut();
    else await this.#listen();
  }

  async stop(): Promise<void> {
    this.#resetAll();
    await this.#shut();
  }

  async #listen(port = this.#port): Promise<void> {
    if (this.#server.listening) return;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(port, '127.0.0.1', () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    this.#port = port;
  }

  async #shut(): Promise<void> {
    if (!this.#server.listening) return;
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #welcome(socket: Socket): void {
    socket.on('error', () => undefined);
    this.#open.set(socket, undefined);
    socket.once('close', () => {
      this.#open.delete(socket);
      this.#ports.log('closed');
    });
    this.#ports.log('connected');
    const { drop, speaker } = this.#rules;
    if (isFatal(this.#rules)) this.#reset(socket);
    else if (speaker === undefined || drop === 'black-hole') {
      if (drop === 'black-hole') this.#ports.log('held');
      this.#leadOn(socket, socket, false);
    } else {
      this.#ports.speaker.take(socket, speaker, {
        onAnswered: (detail) => {
          this.#ports.log('answered', detail);
        },
        onTls: (taken, detail) => {
          this.#ports.log(taken ? 'tls-taken' : 'tls-refused', detail);
        },
        leadOn: (end, secure) => {
          this.#leadOn(socket, end, secure);
        },
        reset: () => {
          this.#reset(socket);
        },
      });
    }
  }

  /** @param end the socket, or what is left when TLS was taken off it */
  #leadOn(socket: Socket, end: Duplex, secure: boolean): void {
    const address = { host: '127.0.0.1', port: this.#targetPort, allowHalfOpen: true };
    // The target is this process's own neighbour: whose certificate it has is not the question here.
    const service = secure ? connectTls({ ...address, rejectUnauthorized: false }) : connect(address);
    const link = new Link(end, service, this.#rules, {
      fraction: this.#ports.fraction,
      onCut: () => {
        this.#ports.log('cut');
      },
      onFailed: (code) => {
        this.#ports.log('target-failed', code);
        this.#reset(socket);
      },
    });
    this.#open.set(socket, link);
  }

  #reset(socket: Socket): void {
    this.#ports.log('reset');
    socket.resetAndDestroy();
    this.#open.get(socket)?.close();
  }

  #resetAll(): void {
    for (const socket of this.#open.keys()) this.#reset(socket);
  }
}

function isFatal({ drop }: Rules): boolean {
  return drop === 'refuse' || drop === 'reset';
}
