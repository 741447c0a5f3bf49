/** How data calls and console pages misbehave, and which of them: what is told through the control, and taken by the console. */
import { z } from 'zod';

const ms = z.number().int().min(0);
const colour = z.string().regex(/^#[0-9a-f]{6}$/i);
const status = z.number().int().min(200).max(599);

/**
 * How an answer to a data call misbehaves. `timeout` answers 504 after a while; `lag` gives data of a while ago; `frozen` gives again and
 * again what was true when the fault began; `drop-cookies` answers well and takes the session's cookies away.
 */
export const dataFault = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('status'), status }),
  z.strictObject({ kind: z.literal('timeout'), ms }),
  z.strictObject({ kind: z.literal('slow'), ms }),
  z.strictObject({ kind: z.literal('lag'), ms }),
  z.strictObject({ kind: z.enum(['frozen', 'drop-cookies', 'hang', 'reset', 'cut-off', 'not-json', 'huge']) }),
]);
export type DataFault = z.infer<typeof dataFault>;

/**
 * How a page load misbehaves. `error-page` is one of the console's own, with status 200; `white` and `one-colour` are empty; `endless` never
 * gets beyond the skeleton; `endless-resource` draws its dashboard, but something in it is never loaded.
 */
export const pageFault = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('status'), status }),
  z.strictObject({ kind: z.literal('slow'), ms }),
  z.strictObject({ kind: z.literal('one-colour'), colour }),
  z.strictObject({
    kind: z.enum([
      'error-page',
      'white',
      'endless',
      'endless-resource',
      'hang',
      'reset',
      'cut-off',
      'not-json',
      'huge',
    ]),
  }),
]);
export type PageFault = z.infer<typeof pageFault>;

/**
 * What an open page does at its next data answer. `white`, `one-colour` and `error-page` take its picture while it goes on asking for data;
 * `still` goes on asking and draws nothing; `stop` asks no more; `busy` never comes back from a loop; `leak` takes memory; `crash` ends its
 * renderer; `leave` goes to about:blank; `drop-cookies` removes the cookie that scripts can reach; `bounce` goes through the sign-in host
 * and back, as a whole (`redirect`) or in a hidden frame.
 */
export const pageTrick = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('one-colour'), colour }),
  z.strictObject({ kind: z.literal('leak'), bytesPerSecond: z.number().int().min(1) }),
  z.strictObject({ kind: z.literal('bounce'), by: z.enum(['redirect', 'frame']) }),
  z.strictObject({
    kind: z.enum(['white', 'error-page', 'still', 'stop', 'busy', 'crash', 'reload', 'leave', 'drop-cookies']),
  }),
]);
export type PageTrick = z.infer<typeof pageTrick>;

/** Which sessions: what is left out fits all. */
export const sessionScope = z.strictObject({
  account: z.string().exactOptional(),
  /** Name of a role, not its ARN. */
  role: z.string().exactOptional(),
  /** Its number, as `sessions` tells. */
  session: z.number().int().exactOptional(),
});
export type SessionScope = z.infer<typeof sessionScope>;

/** Which data calls: what is left out fits all. */
export const dataScope = sessionScope.extend({
  dashboard: z.string().exactOptional(),
  part: z.enum(['main', 'log', 'widget']).exactOptional(),
});
export type DataScope = z.infer<typeof dataScope>;

type Facts = Readonly<Record<string, string | number | undefined>>;

function fits(scope: Facts, facts: Facts): boolean {
  return Object.entries(scope).every(([name, value]) => value === undefined || facts[name] === value);
}

/** Whether a session, page load or data call is one of those meant. */
export function isWithin(scope: DataScope, facts: DataScope): boolean {
  return fits(scope, facts);
}

/** Orders to misbehave: the newest that fits is followed, as often as it says. */
export class Orders<T> {
  #orders: { readonly what: T; readonly scope: DataScope; readonly since: number; left: number }[] = [];

  /** @param since ms since the epoch; @param times how often it is followed */
  add(what: T, scope: DataScope, since: number, times: number): void {
    this.#orders.unshift({ what, scope, since, left: times });
  }

  /** The order that this one is to follow, counted off; undefined for none. */
  take(facts: DataScope): { readonly what: T; readonly since: number } | undefined {
    const order = this.#orders.find(({ scope }) => fits(scope, facts));
    if (order !== undefined && --order.left <= 0) this.#orders = this.#orders.filter((one) => one !== order);
    return order;
  }

  /** Takes back the orders whose scope names all that this one names; {} takes back all. */
  clear(scope: DataScope): void {
    this.#orders = this.#orders.filter((order) => !fits(scope, order.scope));
  }
}
