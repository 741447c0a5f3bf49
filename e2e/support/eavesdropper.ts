import crypto from 'node:crypto';
import { ServerResponse } from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import type { Secret } from './secret-search.ts';

/** Hears every secret that servers of this process hand out, the stand-in above all. */
export interface Eavesdropper {
  readonly secrets: readonly Secret[];
  stop(): void;
}

const IN_BODIES = [
  ["an issued key's secret", /<SecretAccessKey>([^<]+)</g],
  ['a session token', /<SessionToken>([^<]+)</g],
  ['a sign-in token', /"SigninToken":"([^"]+)"/g],
] as const;
const IN_HEADERS = [
  ["a console session's cookie", /aws-(?:console|signin)-session=([^;\n]{8,})/g],
  ['a code on the way to the console', /[?&]code=([^&\n]+)/g],
  ['a sign-in token', /[?&]SigninToken=([^&\n]+)/g],
] as const;

/**
 * Listens in on the answers of every HTTP server of this process, and on what auto-id servers decrypt: the stand-in has no way to tell its
 * secrets, and need not have one.
 */
export function eavesdrop(): Eavesdropper {
  const heard = new Map<string, Secret>();
  const hear = (name: string, value: string) => void heard.set(value, { name, value });
  const hearAll = (text: string, patterns: readonly (readonly [string, RegExp])[]) => {
    for (const [name, pattern] of patterns)
      for (const [, value = ''] of text.matchAll(pattern)) hear(name, decodeURIComponent(value));
  };

  const prototype = ServerResponse.prototype as unknown as {
    end: (this: ServerResponse, ...args: unknown[]) => unknown;
  };
  const { end } = prototype;
  prototype.end = function (...args) {
    const [body] = args;
    if (typeof body === 'string') hearAll(body, IN_BODIES);
    else if (Buffer.isBuffer(body)) hearAll(body.toString('latin1'), IN_BODIES);
    hearAll(Object.values(this.getHeaders()).flat().join('\n'), IN_HEADERS);
    return end.apply(this, args);
  };

  const { privateDecrypt } = crypto;
  crypto.privateDecrypt = (...args: Parameters<typeof privateDecrypt>) => {
    const opened = privateDecrypt(...args);
    hear('the key of an auto-id request', opened.toString('latin1'));
    return opened;
  };
  syncBuiltinESMExports();

  return {
    get secrets() {
      return [...heard.values()];
    },
    stop() {
      prototype.end = end;
      crypto.privateDecrypt = privateDecrypt;
      syncBuiltinESMExports();
    },
  };
}
