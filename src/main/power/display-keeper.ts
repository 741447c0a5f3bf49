import {
  litArguments,
  parseXset,
  restoreArguments,
  type ScreenSettings,
  sleepArguments,
  wakeArguments,
} from '../../core/lifecycle/xset.ts';
import type { Logger } from '../../core/ports.ts';
import type { ProgramCall, RunProgram } from '../../node/run-program.ts';
import { planDisplays, type Surroundings } from './display-plan.ts';

/** Desktops set their own settings anew now and then, and forget who asked them to stay awake. */
const AGAIN_EVERY_MS = 600_000;
const XSET_WITHIN_MS = 5_000;
/** Programs may find ever new words. */
const MOST_TOLD = 20;

/** Electron's `powerSaveBlocker`. */
export interface Blocker {
  start(type: 'prevent-app-suspension' | 'prevent-display-sleep'): number;
  stop(id: number): unknown;
}

export interface DisplayKeeperOptions {
  readonly surroundings: Surroundings;
  readonly run: RunProgram;
  /** On Linux this also asks the desktop, by D-Bus, for neither screen saver nor lock nor suspend. */
  readonly blocker: Blocker;
  readonly logger: Logger;
}

type Wish = 'lit' | 'dark' | 'none';

/**
 * Keeps the displays on by day and lets them sleep by night. All of it is a help and never a need: what cannot be done here is logged
 * once, nothing rejects, and no program is waited for without end. Calls may come at any time and as often as one likes: they are done in
 * turn, of those that wait only the last counts, and what is so already is not done again.
 */
export class DisplayKeeper {
  readonly #options: DisplayKeeperOptions;
  readonly #plan: ReturnType<typeof planDisplays>;
  readonly #told = new Set<string>();
  readonly #timer: NodeJS.Timeout;
  #wish: Wish = 'none';
  #turn = 0;
  /** What was done last. */
  #state: Wish = 'none';
  #work: Promise<void> = Promise.resolve();
  #blocked: number | undefined;
  /** The X server's own settings, before the first change. */
  #before: ScreenSettings | undefined;
  #isClosed = false;

  constructor(options: DisplayKeeperOptions) {
    this.#options = options;
    this.#plan = planDisplays(options.surroundings);
    this.#timer = setInterval(() => void this.again(), AGAIN_EVERY_MS).unref();
  }

  /** Displays on, and kept on: no display sleep, screen saver or lock, as far as that can be asked for. */
  wakeDisplays(): Promise<void> {
    return this.#wish === 'lit' ? this.#work : this.#do('lit');
  }

  /** Displays asleep until {@link wakeDisplays}; the machine stays awake. For when all surfaces are black. */
  sleepDisplays(): Promise<void> {
    return this.#wish === 'dark' ? this.#work : this.#do('dark');
  }

  /** Asks anew for what was asked for last: something may have changed it behind our back. */
  again(): Promise<void> {
    return this.#do(this.#wish);
  }

  /** Leaves the displays on, and gives back to the system what is its own. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#wish = 'none';
    await this.#work;
    if (this.#state === 'dark') await this.#switch('lit');
    if (this.#before !== undefined) await this.#xset(restoreArguments(this.#before));
    if (this.#blocked !== undefined) this.#options.blocker.stop(this.#blocked);
    this.#blocked = undefined;
  }

  #do(wish: Wish): Promise<void> {
    if (this.#isClosed) return this.#work;
    this.#wish = wish;
    const turn = ++this.#turn;
    this.#work = this.#work.then(async () => {
      if (wish === 'none' || this.#isClosed || turn !== this.#turn) return;
      this.#block(wish);
      await this.#switch(wish);
    });
    return this.#work;
  }

  /** A new one each time, before the old one goes: a desktop that was started anew has not heard of the old one. */
  #block(wish: Wish): void {
    const old = this.#blocked;
    try {
      this.#blocked = this.#options.blocker.start(wish === 'dark' ? 'prevent-app-suspension' : 'prevent-display-sleep');
      if (old !== undefined) this.#options.blocker.stop(old);
    } catch (error) {
      this.#tell('display.cannot-block', String(error));
    }
  }

  async #switch(wish: Wish): Promise<void> {
    const isNew = this.#state !== wish;
    const wasDark = this.#state === 'dark';
    this.#state = wish;
    const plan = this.#plan;
    if (plan.kind === 'x11') await this.#switchX(wish, wasDark);
    else if (plan.kind === 'none') this.#tell('display.cannot-switch', plan.why);
    // Those are told once: by day displays are on as it is.
    else if (isNew && (wish === 'dark' || wasDark)) await this.#call(wish === 'dark' ? plan.sleep : plan.wake);
    if (isNew)
      this.#options.logger.log('info', wish === 'dark' ? 'display.asleep' : 'display.lit', { by: nameOf(plan) });
  }

  async #switchX(wish: Wish, wasDark: boolean): Promise<void> {
    const { ok, output, why } = await this.#options.run({ command: 'xset', args: ['q'], withinMs: XSET_WITHIN_MS });
    const settings = ok ? parseXset(output) : undefined;
    if (settings === undefined) {
      this.#tell('display.cannot-ask', why === '' ? 'xset did not say what was asked' : `xset: ${why}`);
      return;
    }
    this.#before ??= settings;
    if (wish === 'dark' && settings.power === undefined) {
      this.#tell('display.cannot-switch', 'This X server has no power management of displays (DPMS).');
    }
    const args =
      wish === 'dark' ? sleepArguments(settings) : wasDark ? wakeArguments(settings) : litArguments(settings);
    await this.#xset(args);
  }

  async #xset(args: readonly string[]): Promise<void> {
    if (args.length > 0) await this.#call({ command: 'xset', args, withinMs: XSET_WITHIN_MS });
  }

  async #call(call: ProgramCall): Promise<void> {
    const { ok, why } = await this.#options.run(call);
    if (!ok) this.#tell('display.cannot-switch', `${call.command}: ${why}`);
  }

  #tell(event: string, why: string): void {
    if (this.#told.has(event + why) || this.#told.size >= MOST_TOLD) return;
    this.#told.add(event + why);
    this.#options.logger.log('warn', event, { why });
  }
}

function nameOf(plan: ReturnType<typeof planDisplays>): string {
  return plan.kind === 'calls' ? plan.by : plan.kind === 'x11' ? 'xset' : 'nothing';
}
