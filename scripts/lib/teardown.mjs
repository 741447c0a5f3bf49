// Whatever a script has started is taken down when the script ends, however it ends.

/** @typedef {(undo: () => unknown) => void} Defer registers what to do at the end; the last one registered is done first */

const LOOK_FOR_NPM_EVERY_MS = 500;
const SIGNALS = /** @type {const} */ ({ SIGINT: 2, SIGTERM: 15, SIGHUP: 1 });

/**
 * Runs `fn`, and at its end everything that it deferred, in reverse. SIGINT, SIGTERM and SIGHUP do the same and then end
 * this process; a second signal ends it at once.
 *
 * @template T
 * @param {(defer: Defer) => Promise<T>} fn
 * @returns {Promise<T>} what `fn` returned
 */
export async function withTeardown(fn) {
  /** @type {(() => unknown)[]} */
  const steps = [];
  /** @type {Promise<void> | undefined} */
  let undoing;
  let signalled = false;
  const undo = () => (undoing ??= undoAll(steps));
  const onSignal = (/** @type {keyof typeof SIGNALS} */ signal) => {
    const code = 128 + SIGNALS[signal];
    if (signalled) process.exit(code);
    signalled = true;
    void undo().then(() => process.exit(code));
  };
  const names = /** @type {(keyof typeof SIGNALS)[]} */ (Object.keys(SIGNALS));
  for (const name of names) process.on(name, onSignal);
  const npmWatch = watchNpm(() => onSignal('SIGTERM'));
  try {
    return await fn((step) => steps.push(step));
  } finally {
    await undo();
    // Things that fail because they are being taken down are nobody's concern: the process is about to end.
    if (signalled) await new Promise(() => {});
    clearInterval(npmWatch);
    for (const name of names) process.off(name, onSignal);
  }
}

/**
 * npm starts scripts by a shell, which does not hand on the signal that ends npm: the script would go on without anybody.
 *
 * @param {() => void} onGone
 * @returns {NodeJS.Timeout | undefined}
 */
function watchNpm(onGone) {
  if (!process.env.npm_lifecycle_event) return undefined;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    onGone();
  }, LOOK_FOR_NPM_EVERY_MS);
  return timer.unref();
}

/** @param {(() => unknown)[]} steps */
async function undoAll(steps) {
  for (let step = steps.pop(); step; step = steps.pop()) {
    try {
      await step();
    } catch (error) {
      process.stderr.write(`While ending: ${/** @type {Error} */ (error).message}\n`);
    }
  }
}

/**
 * Runs a script's main function. An error becomes its message on standard error and exit code 1.
 *
 * @param {(defer: Defer) => Promise<number | void>} main its number is the exit code
 */
export async function runScript(main) {
  try {
    process.exitCode = (await withTeardown(main)) ?? 0;
  } catch (error) {
    process.stderr.write(`${/** @type {Error} */ (error).message}\n`);
    process.exitCode = 1;
  }
}
