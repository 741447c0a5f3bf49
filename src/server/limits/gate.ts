/** How many of those who wait at the front are let in before one of the others is. */
const FAIR_SHARE = 8;

export interface Gate {
  /** Runs the work when there is room; `isNoisy` work waits behind all other, and gets every eighth place. */
  run<T>(isNoisy: boolean, work: () => Promise<T>): Promise<T>;
}

/**
 * Lets `width` pieces of work run at once. Verifying is the same work for good and bad requests, so a flood of bad ones
 * can only be kept from delaying the good ones by its place in the line.
 */
export function createGate(width: number): Gate {
  const front: (() => void)[] = [];
  const back: (() => void)[] = [];
  let running = 0;
  let turn = 0;

  function next(): void {
    if (running >= width) return;
    turn = (turn + 1) % FAIR_SHARE;
    const start = (turn === 0 ? back.shift() : undefined) ?? front.shift() ?? back.shift();
    start?.();
  }

  return {
    run(isNoisy, work) {
      return new Promise((resolve, reject) => {
        (isNoisy ? back : front).push(() => {
          running++;
          work()
            .then(resolve, reject)
            .finally(() => {
              running--;
              next();
            });
        });
        next();
      });
    },
  };
}

/** Lets work of an address in when there is room; whose failures are many waits behind the others. */
export type Admit = <T>(address: string | undefined, work: () => Promise<T>) => Promise<T>;
