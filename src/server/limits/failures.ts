import type { Clock } from '../../core/ports.ts';
import { addressKey } from './addresses.ts';
import { BoundedMap } from './bounded-map.ts';

export interface FailureLimits {
  /** Failures of one address that are answered at once and told each. */
  readonly burst: number;
  /** How many more of them each minute brings. */
  readonly perMinute: number;
  /** How long a refusal beyond is held back, in ms; 0 for not at all. */
  readonly holdMs: number;
  /** Refusals held back at once, of one address and of all; beyond they are given at once. */
  readonly held: { readonly perAddress: number; readonly all: number };
  readonly addresses: number;
  /** Failures of all addresses that are told: whoever has many addresses must not fill the disk by the audit log. */
  readonly told: { readonly burst: number; readonly perMinute: number };
}

export const FAILURE_LIMITS: FailureLimits = {
  burst: 20,
  perMinute: 20,
  holdMs: 1000,
  held: { perAddress: 16, all: 1000 },
  addresses: 10_000,
  told: { burst: 600, perMinute: 300 },
};

interface Account {
  left: number;
  at: number;
  held: number;
  /** Failures that were not told since the last one that was. */
  untold: number;
}

export interface Failures {
  /**
   * Counts a failure. Resolves when its refusal may be given; `tell` says whether the audit log gets a line of it, and
   * `untold` how many came before it without one.
   */
  failed(address: string | undefined): {
    readonly tell: boolean;
    readonly untold: number;
    readonly ready: Promise<void>;
  };
  /** Whether an address has failed more than its share of late. */
  isNoisy(address: string | undefined): boolean;
  /** Gives every refusal that is held back, now and from now on at once. */
  release(): void;
}

/**
 * Slows whoever fails often, by address: his refusals are held back, and the audit log gets some of them only. No request
 * is ever refused for it, since walls share addresses: who verifies is answered as if nothing had been. Memory is bounded.
 */
export function createFailures(clock: Clock, limits: FailureLimits = FAILURE_LIMITS): Failures {
  const accounts = new BoundedMap<string, Account>(limits.addresses);
  const told = { left: limits.told.burst, at: clock.monotonic() };
  let heldByAll = 0;
  let released = false;
  let release = (): void => undefined;
  const releasing = new Promise<void>((resolve) => (release = resolve));

  function accountOf(address: string | undefined): Account {
    const key = addressKey(address);
    const now = clock.monotonic();
    const account = accounts.get(key) ?? { left: limits.burst, at: now, held: 0, untold: 0 };
    account.left = Math.min(limits.burst, account.left + ((now - account.at) / 60_000) * limits.perMinute);
    account.at = now;
    accounts.set(key, account);
    return account;
  }

  function mayTell(): boolean {
    const now = clock.monotonic();
    told.left = Math.min(limits.told.burst, told.left + ((now - told.at) / 60_000) * limits.told.perMinute);
    told.at = now;
    if (told.left < 1) return false;
    told.left -= 1;
    return true;
  }

  async function hold(account: Account): Promise<void> {
    account.held++;
    heldByAll++;
    await Promise.race([clock.sleep(limits.holdMs), releasing]);
    account.held--;
    heldByAll--;
  }

  return {
    failed(address) {
      const account = accountOf(address);
      if (account.left >= 1) {
        account.left -= 1;
        if (!mayTell()) {
          account.untold++;
          return { tell: false, untold: 0, ready: Promise.resolve() };
        }
        const { untold } = account;
        account.untold = 0;
        return { tell: true, untold, ready: Promise.resolve() };
      }
      account.untold++;
      const isFull = account.held >= limits.held.perAddress || heldByAll >= limits.held.all;
      const isHeld = limits.holdMs > 0 && !isFull && !released;
      return { tell: false, untold: 0, ready: isHeld ? hold(account) : Promise.resolve() };
    },
    isNoisy: (address) => accounts.get(addressKey(address)) !== undefined && accountOf(address).left < 1,
    release() {
      released = true;
      release();
    },
  };
}
