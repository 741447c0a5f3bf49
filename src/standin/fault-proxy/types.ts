/** What the fault proxy is told and what it offers. Durations are ms, sizes bytes. */

/** A service to stand before: what a wall calls it by, and where it is on this machine. */
export interface Target {
  /** Host names as a wall's addresses have them; `*` stands for any part (`*.console.localhost`). */
  readonly hosts: readonly string[];
  /** The service's port on 127.0.0.1. */
  readonly port: number;
  /** Port of the wall's addresses. Default: the service's own. */
  readonly as?: number;
}

/** How the network misbehaves. `only` names the targets it is about; without it, all of them. */
export type Fault = FaultKind & { readonly only?: readonly string[] };

export type FaultKind =
  /** Nobody listens. What is open is reset. */
  | { readonly kind: 'refuse' }
  /** Connections are accepted and reset at once. What is open is reset. */
  | { readonly kind: 'reset' }
  /** Connections come about, and nothing passes any more, either way. What is open goes on when the fault ends. */
  | { readonly kind: 'black-hole' }
  /** Everything takes longer by `ms`, and by up to `jitterMs` more. */
  | { readonly kind: 'latency'; readonly ms: number; readonly jitterMs?: number }
  /** So many bytes a second pass, each way of each connection. */
  | { readonly kind: 'throttle'; readonly bytesPerSecond: number }
  /** A connection ends after so many bytes of answers, counted from when the fault begins. */
  | { readonly kind: 'cut'; readonly afterBytes: number }
  /**
   * Every request is answered by the proxy. What is open is reset, for who speaks must be known from a connection's first byte. For
   * targets that speak TLS the proxy needs their certificate (`FaultProxyOptions.tls`).
   */
  | { readonly kind: 'answer'; readonly status: number; readonly retryAfterSeconds?: number }
  /** A guest network: HTTP gets its page or is sent on to it, TLS meets the portal's own certificate. What is open is reset. */
  | { readonly kind: 'captive'; readonly answer: 'page' | 'redirect' }
  /** TLS meets this certificate, PEM; whoever takes it is served by the real target. What is open is reset. */
  | { readonly kind: 'certificate'; readonly key: string; readonly cert: string }
  /** The hosts' names are not found. Only with `FaultProxyOptions.hostsFile`; what is open goes on. */
  | { readonly kind: 'dns' };

/** Something that happened, in order. `at` is ms since the epoch. */
export interface FaultEvent {
  readonly order: number;
  readonly at: number;
  readonly what:
    | 'fault-on'
    | 'fault-off'
    | 'connected'
    | 'closed'
    | 'reset'
    | 'held'
    | 'cut'
    | 'answered'
    | 'tls-refused'
    | 'tls-taken'
    | 'target-failed';
  /** The target's name; missing where the event is about no single one. */
  readonly target?: string;
  /** A fault's name and kind, a request's method and path (never its query), a status, an error code. */
  readonly detail?: string;
}

export interface FaultControl {
  /**
   * Switches a fault on under a name of the caller's; one of that name is replaced. Resolves when it is in force, for open connections,
   * too. Rejects with a TypeError for a fault or target that does not exist.
   */
  on(name: string, fault: Fault): Promise<void>;
  /** Switches one fault off, or all. Resolves when everything listens again; rejects when a port was taken meanwhile. */
  off(name?: string): Promise<void>;
  /** What is on, by name. Keys of certificates are left out. */
  faults(): Readonly<Record<string, Fault>>;
  /** What happened, oldest first; only what came after the event of that order, if one is given. */
  events(after?: number): readonly FaultEvent[];
  /** Open connections of a target, or of all. */
  connections(target?: string): number;
}

export interface FaultProxyOptions {
  /** By name. */
  readonly targets: Readonly<Record<string, Target>>;
  /** For jitter: the same seed jitters alike. Default 1. */
  readonly seed?: number;
  /** The certificate of the targets, PEM, for answers in their name. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** A file in the form of /etc/hosts that the proxy keeps: it has the targets' hosts, but for those that a `dns` fault is about. */
  readonly hostsFile?: string;
}

export interface FaultProxy {
  /** Address of each relay, `127.0.0.1:PORT`: for programs that can be given another address. */
  readonly relays: Readonly<Record<string, string>>;
  /** Flags for an unpackaged wall: its addresses stay as they are, and its connections come here. */
  readonly flags: readonly string[];
  readonly control: FaultControl;
  readonly controlApi: { readonly url: string; readonly token: string };
  stop(): Promise<void>;
}
