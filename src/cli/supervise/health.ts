/** How the wall is, asked of its own server on loopback: `/healthz`, and `/state` for what a plain 200 does not tell. */
import { request } from 'node:http';
import { z } from 'zod';
import type { Answer } from '../../core/supervisor/state.ts';
import { createNodeFileStore } from '../../node/file-store.ts';

const LONGEST_FILE = 4096;
const LONGEST_ANSWER = 1024 * 1024;
const LONGEST_REASON = 500;

const whereSchema = z.object({
  pid: z.int().min(1),
  port: z.int().min(1).max(65_535),
  token: z
    .string()
    .min(1)
    .max(1024)
    .regex(/^[\x21-\x7e]+$/),
});

/** What the wall wrote into its file: where to ask, and with which token. */
export type Where = z.infer<typeof whereSchema>;

/** Undefined while there is no file, or not a whole one. */
export async function readWhere(healthFile: string): Promise<Where | undefined> {
  try {
    const bytes = await createNodeFileStore().read(healthFile, LONGEST_FILE);
    return bytes === undefined ? undefined : whereSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch {
    return undefined;
  }
}

/** Asks once. Never rejects: no answer within `timeoutMs` is `silent`. */
export async function askWall(where: Where, timeoutMs: number): Promise<Answer> {
  const health = await get(where, '/healthz', timeoutMs);
  if (health === undefined) return { kind: 'silent' };
  if (health.status !== 200) return illness(health);
  const state = await get(where, '/state', timeoutMs);
  // A wall that tells no state is taken at its word.
  return state?.status === 200 && isResting(state.body) ? { kind: 'resting' } : { kind: 'live' };
}

const illSchema = z.object({ code: z.string().optional(), reason: z.string().optional() });

function illness({ status, body }: Reply): Answer {
  const { code, reason } = illSchema.safeParse(parsed(body)).data ?? {};
  const told = reason ?? code ?? `It answered with status ${status}.`;
  // The sentence names the code of what lies beneath.
  return { kind: 'ill', reason: told.slice(0, LONGEST_REASON), network: /\bNETWORK_[A-Z]+\b/.test(told) };
}

const stateSchema = z.object({
  surfaces: z.array(z.object({ state: z.string() })),
  sessions: z.array(z.object({ phase: z.string() })),
});

/** Nothing is shown, as planned, and nothing is signed in either: so nothing proves that it could be shown. */
function isResting(body: string): boolean {
  const { success, data } = stateSchema.safeParse(parsed(body));
  if (!success) return false;
  const shows = data.surfaces.some(({ state }) => state !== 'night' && state !== 'unplugged');
  const isSignedIn = data.sessions.some(({ phase }) => phase === 'live' || phase === 'renewing');
  return !shows && !isSignedIn;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

interface Reply {
  readonly status: number;
  readonly body: string;
}

/** One GET; undefined where no whole answer came in time. */
function get(where: Where, path: string, timeoutMs: number): Promise<Reply | undefined> {
  return new Promise((resolve) => {
    const asked = request(
      {
        host: '127.0.0.1',
        port: where.port,
        path,
        agent: false,
        headers: { host: `127.0.0.1:${where.port}`, authorization: `Bearer ${where.token}` },
      },
      (response) => {
        const pieces: Buffer[] = [];
        let length = 0;
        response.on('data', (piece: Buffer) => {
          length += piece.length;
          if (length > LONGEST_ANSWER) asked.destroy();
          else pieces.push(piece);
        });
        response.on('end', () =>
          done({ status: response.statusCode ?? 0, body: Buffer.concat(pieces).toString('utf8') }),
        );
        response.on('error', () => done(undefined));
      },
    );
    const late = setTimeout(() => {
      asked.destroy();
      done(undefined);
    }, timeoutMs);
    function done(reply: Reply | undefined): void {
      clearTimeout(late);
      resolve(reply);
    }
    asked.on('error', () => done(undefined));
    asked.on('close', () => done(undefined));
    asked.end();
  });
}
