import { type Server as HttpServer, createServer as createHttpServer, request as send } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, type Socket, connect } from 'node:net';
import { type PrepareRequestFunction, Server as ProxyServer } from 'proxy-chain';
import type { Target } from '../../src/standin/fault-proxy/index.ts';
import type { Certificate } from './certificates.ts';
import { REGION, type Stage } from './stage.ts';

/** Names that nobody on this machine can look up, and the ports here that a proxy leads them to. */
export type Names = Readonly<Record<string, number>>;

export interface Login {
  readonly user: string;
  readonly password: string;
}

/** A company's proxy: wants a login, and is the only way to names that nobody else knows. */
export class Proxy {
  /** Who was led where: `host:port` of each connection, in order. */
  readonly passed: string[] = [];
  /** How often it asked for a login: once for each connection without the right one. */
  refused = 0;
  /** How often somebody had the wrong one. */
  wrong = 0;
  login: Login | undefined;
  readonly #names: Names;
  readonly #tls: Certificate | undefined;
  readonly #ways = new Map<number, HttpServer>();
  #server: ProxyServer | undefined;
  #port = 0;

  private constructor(names: Names, login: Login | undefined, tls: Certificate | undefined) {
    this.#names = names;
    this.#tls = tls;
    this.login = login;
  }

  /** @param tls its certificate: it is then spoken to by https */
  static async start(names: Names, login?: Login, tls?: Certificate): Promise<Proxy> {
    const proxy = new Proxy(names, login, tls);
    await proxy.start();
    return proxy;
  }

  /** `host:port`. */
  get address(): string {
    return `127.0.0.1:${String(this.#port)}`;
  }

  /** The address with a login in it, as `network.proxy` and the environment take it. */
  urlWith({ user, password }: Login): string {
    return `${this.#tls === undefined ? 'http' : 'https'}://${encodeURIComponent(user)}:${encodeURIComponent(password)}@${this.address}`;
  }

  /** Listens again, at the address that it had. */
  async start(): Promise<void> {
    const prepareRequestFunction: PrepareRequestFunction = ({ hostname, port, username, password, request }) => {
      const { login } = this;
      if (login !== undefined && (username !== login.user || password !== login.password)) {
        this.refused += 1;
        if (request.headers['proxy-authorization'] !== undefined) this.wrong += 1;
        return { requestAuthentication: true };
      }
      this.passed.push(`${hostname}:${String(port)}`);
      return { customConnectServer: this.#way(this.#names[hostname] ?? 0) };
    };
    const options = { port: this.#port, host: '127.0.0.1', prepareRequestFunction };
    const { key, cert } = this.#tls ?? {};
    this.#server =
      key === undefined || cert === undefined
        ? new ProxyServer(options)
        : new ProxyServer({ ...options, serverType: 'https', httpsOptions: { key, cert } });
    await this.#server.listen();
    this.#port = this.#server.port;
  }

  async stop(): Promise<void> {
    await this.#server?.close(true);
  }

  /** What a tunnel's end is given to: leads it on to a port of this machine, or nowhere. */
  #way(port: number): HttpServer {
    const known = this.#ways.get(port);
    if (known !== undefined) return known;
    // By its type a server of HTTP; of what comes it reads nothing.
    const way = createHttpServer().removeAllListeners('connection');
    way.on('connection', (socket: Socket) => {
      if (port === 0) {
        socket.destroy();
        return;
      }
      const onward = connect(port, '127.0.0.1');
      for (const end of [socket, onward]) end.on('error', () => undefined);
      socket.once('close', () => onward.destroy()).pipe(onward);
      onward.once('close', () => socket.destroy()).pipe(socket);
    });
    this.#ways.set(port, way);
    return way;
  }
}

/** What stands at a port, reached by https under another name, with a certificate for it. */
export interface Front {
  readonly port: number;
  stop(): Promise<void>;
}

/** Puts https before a server that speaks http, such as a registry. */
export async function openSecureFront(target: string, { key, cert }: Certificate): Promise<Front> {
  const server = createHttpsServer({ key, cert }, (request, response) => {
    // The host stays as it was asked for: what the server says of itself then leads back here.
    const headers = { ...request.headers, 'x-forwarded-proto': 'https' };
    const onward = send(new URL(request.url ?? '/', target), { method: request.method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    response.on('error', () => undefined);
    request.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** A stage under the names that a wall in the field has for it: AWS's own, and a company's for the rest. */
export function namesInTheField(stage: Stage): Names {
  const targets = Object.values(targetsInTheField(stage));
  return Object.fromEntries(targets.flatMap(({ hosts, port }) => hosts.map((host) => [host, port] as const)));
}

/** The same as targets of a fault proxy. */
export function targetsInTheField({ ports }: Stage): Readonly<Record<string, Target>> {
  const target = (port: number, ...hosts: readonly string[]): Target => ({ hosts, port, as: 443 });
  return {
    autoid: target(ports.autoid, 'auto-id.example.com'),
    s3: target(ports.s3, 's3.example.com'),
    sts: target(ports.sts, `sts.${REGION}.amazonaws.com`),
    signin: target(ports.federation, 'signin.aws.amazon.com', `${REGION}.signin.aws.amazon.com`),
    console: target(ports.console, 'console.aws.amazon.com', `${REGION}.console.aws.amazon.com`),
  };
}

/** The environment of a wall in the field: no endpoint of AWS's is overridden but S3's. */
export const IN_THE_FIELD = {
  AUTO_ID_API_ENDPOINT: 'https://auto-id.example.com',
  VIGIL_FEDERATION_URL: undefined,
  AWS_ENDPOINT_URL_STS: undefined,
} as const;

/** A server that says which proxy to use. */
export class PacServer {
  /** How often the file was asked for. */
  asked = 0;
  /** Answers 404 until told otherwise. */
  isMissing = false;
  readonly #server: HttpServer;

  private constructor(proxy: Proxy) {
    this.#server = createHttpServer((_request, response) => {
      this.asked += 1;
      if (this.isMissing) response.writeHead(404).end();
      else {
        response.writeHead(200, { 'content-type': 'application/x-ns-proxy-autoconfig' });
        response.end(`function FindProxyForURL(url, host) { return 'PROXY ${proxy.address}'; }`);
      }
    });
  }

  static async start(proxy: Proxy): Promise<PacServer> {
    const server = new PacServer(proxy);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  /** `127.0.0.1:port/path`, without a scheme. */
  get address(): string {
    return `127.0.0.1:${String((this.#server.address() as AddressInfo).port)}/proxy.pac`;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }
}
