/** Work under one name, one after the other. */
export interface Turns {
  /** `waited`: whether there was somebody before, who may have changed what was seen. */
  run<T>(name: string, work: (waited: boolean) => Promise<T>): Promise<T>;
}

/** As many names at once as there are requests under way; nothing is kept of those that are done. */
export function createTurns(): Turns {
  const last = new Map<string, Promise<void>>();
  return {
    run(name, work) {
      const before = last.get(name);
      const result = before === undefined ? work(false) : before.then(() => work(true));
      const done = result.then(
        () => undefined,
        () => undefined,
      );
      last.set(name, done);
      void done.then(() => {
        if (last.get(name) === done) last.delete(name);
      });
      return result;
    },
  };
}
