// What the wall's log says, for a person who watches.

/** @typedef {import('../lib/program.mjs').LogRecord} LogRecord */

const clock = (/** @type {string} */ iso) => {
  const date = new Date(iso);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => `${part}`.padStart(2, '0')).join(':');
};

/** @type {Record<string, (record: LogRecord) => string>} */
const STORY = {
  'wall.start': ({ version, electron }) => `Vigil ${version} starts on Electron ${electron}`,
  'session.signing-in': ({ attempt }) => `signing in (sign-in ${attempt})`,
  'session.renewing': ({ attempt }) => `renewing: sign-in ${attempt} goes on beneath the dashboard that shows`,
  'session.live': ({ attempt, partition, verified, renewsAt }) =>
    `${attempt === 1 ? 'signed in' : 'renewed'}: sign-in ${attempt} is on the wall` +
    `${partition ? `, in partition ${partition}` : ''}${verified ? '' : ', though not verified'}; next renewal ${clock(renewsAt)}`,
  'session.renewal-failed': ({ code, reason, nextTryAt }) =>
    `renewal failed, the dashboard stays: ${code}: ${reason} Next try ${clock(nextTryAt)}`,
  'session.waiting': ({ code, reason, nextTryAt }) => `not signed in: ${code}: ${reason} Next try ${clock(nextTryAt)}`,
  'view.signed-out': () => 'the console ended the session',
  'settings.problems': ({ problems }) =>
    `settings: ${problems.map((/** @type {{ sentence: string }} */ { sentence }) => sentence).join(' ')}`,
  'wall.stop': () => 'the wall closes',
};

/**
 * @param {LogRecord} record
 * @returns {string | undefined} one line, or nothing where there is nothing to tell
 */
function tellStory(record) {
  const tell = STORY[record.event];
  if (tell) return `${clock(record.time)}  ${tell(record)}`;
  return record.level === 'error' ? `${clock(record.time)}  ${JSON.stringify(record)}` : undefined;
}

/**
 * Tells the story of a wall as it goes on.
 *
 * @param {import('../lib/program.mjs').Wall} wall
 * @param {(line: string, record: LogRecord) => void} say
 * @returns {() => void} tells what is left and ends
 */
export function narrate(wall, say) {
  let told = 0;
  const tellNew = () => {
    for (; told < wall.log.length; told++) {
      const record = /** @type {LogRecord} */ (wall.log[told]);
      const line = tellStory(record);
      if (line) say(line, record);
    }
  };
  const timer = setInterval(tellNew, 100);
  return () => {
    clearInterval(timer);
    tellNew();
  };
}
