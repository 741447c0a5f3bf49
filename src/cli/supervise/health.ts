/** How the wall is, asked of its own server on loopback: `/healthz`, and `/state` where that does not tell enough. */
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

/**
 * Asks once. Never rejects: no whole answer within `timeoutMs` is `silent`. A wall that is well and shows nothing, as planned, is as good as
 * live while it is signed in; if not, nothing proves that it could be live.
 */
export async function askWall(where: Where, timeoutMs: number): Promise<Answer> {
  const health = await get(where, '/healthz', timeoutMs);
  if (health === undefined) return { kind: 'silent' };
  if (health.status !== 200) return illness(health);
  const { success, data } = wellSchema.safeParse(parsed(health.body));
  // A wall that does not say how much it shows is taken at its word.
  if (!success || data.showing > 0) return { kind: 'live' };
  const state = stateSchema.safeParse(parsed((await get(where, '/state', timeoutMs))?.body ?? ''));
  const isSignedIn = state.data?.sessions.some(({ phase }) => phase === 'live' || phase === 'renewing');
  return { kind: isSignedIn === true ? 'live' : 'resting' };
}

const wellSchema = z.object({ showing: z.number() });
const stateSchema = z.object({ sessions: z.array(z.object({ phase: z.string() })) });
const illSchema = z.object({
  code: z.string().optional(),
  reason: z.string().optional(),
  failure: z.string().optional(),
});

/** Failures that the wall could not help. */
const ELSEWHERE = /^NETWORK_|_UNAVAILABLE$|^STS_THROTTLED$/;

function illness({ status, body }: Reply): Answer {
  const { code, reason, failure } = illSchema.safeParse(parsed(body)).data ?? {};
  const told = reason ?? code ?? `It answered with status ${status}.`;
  return { kind: 'ill', reason: told.slice(0, LONGEST_REASON), elsewhere: ELSEWHERE.test(failure ?? '') };
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
