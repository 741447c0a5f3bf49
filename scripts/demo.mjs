// The demo: a stand-in for AWS, the auto-id server and the wall before them, with sessions that end early, so that renewals
// can be watched.
import { rename } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { bootstrap } from './bootstrap.mjs';
import { watchRenewal } from './demo/watch-renewal.mjs';
import { narrate } from './demo/story.mjs';
import { hasDisplay, startDisplay } from './display.mjs';
import { startStandIn, startWall, temporaryFolder } from './lib/program.mjs';
import { startServer } from './lib/server.mjs';
import { runScript } from './lib/teardown.mjs';

const HELP = `Usage: npm run demo -- [options]

Shows a dashboard of a stand-in for AWS, with sessions that end after 40 s. The wall enrols at an auto-id server of its own
by an activation code, and gets its credentials from it by protocol 2. Where there is no display it runs on a private
one and keeps a picture of it in demo.png. Ctrl-C ends it.

  --windowed         an ordinary window instead of the whole screen
  --no-tray          no tray icon
  --once             on a private display: wait for the dashboard, watch one renewal picture by picture, save demo.png,
                     print one line of JSON, end; exit code 0 if no picture was blank
  --width, --height  size of the private display in pixels (1920 x 1080)
`;

const SESSION_SECONDS = 40;
const RENEW_AFTER_SECONDS = 20;
/** The least that the settings allow: nobody looks on. */
const RENEW_AFTER_SECONDS_ONCE = 10;

const say = (/** @type {string} */ line) => process.stdout.write(`${line}\n`);

function readArguments() {
  try {
    const { values } = parseArgs({
      options: {
        once: { type: 'boolean', default: false },
        windowed: { type: 'boolean', default: false },
        'no-tray': { type: 'boolean', default: false },
        width: { type: 'string', default: '1920' },
        height: { type: 'string', default: '1080' },
        help: { type: 'boolean', default: false },
      },
    });
    const [width, height] = [values.width, values.height].map(Number);
    const sane = [width, height].every((size) => Number.isInteger(size) && size >= 320 && size <= 7680);
    if (!sane) throw new Error('--width and --height want whole numbers from 320 to 7680');
    return { ...values, width, height };
  } catch (error) {
    process.stderr.write(`${/** @type {Error} */ (error).message}\n\n${HELP}`);
    process.exit(2);
  }
}

const options = readArguments();
if (options.help) process.stdout.write(HELP);
else await runScript(options.once ? once : onAndOn);

/**
 * @param {import('./lib/teardown.mjs').Defer} defer
 * @param {{ isPrivate: boolean, renewAfterSeconds: number, flags: string[], log: (line: string) => void }} how
 */
async function start(defer, { isPrivate, renewAfterSeconds, flags, log }) {
  const { electron, node } = await bootstrap({ log });
  const folder = await temporaryFolder(defer);
  /** @type {import('./display.mjs').Display | undefined} */
  let display;
  if (isPrivate) {
    display = await startDisplay({ width: options.width, height: options.height });
    defer(display.stop);
  }
  const keysDir = join(folder, 'keys');
  const standIn = await startStandIn({ node, keysDir, args: ['--session-seconds', `${SESSION_SECONDS}`], defer });
  const { secrets, env } = standIn;
  const secret = env.AUTO_ID_SECRET_NAME ?? '';
  const server = await startServer({ node, folder: join(folder, 'auto-id'), secrets, secret, defer });
  const settings = { ...env, ...server.settings, VIGIL_MAX_SESSION_AGE_SECONDS: `${renewAfterSeconds}` };
  // Of the stand-in's own server: this one gives the wall its keys itself.
  delete settings.AUTO_ID_KEYS_DIR;
  const wall = await startWall({
    executable: electron.executablePath,
    folder,
    env: display?.env ?? process.env,
    settings,
    flags,
    defer,
  });
  return { display, standIn, server, wall };
}

/** @param {import('./lib/teardown.mjs').Defer} defer */
async function onAndOn(defer) {
  const isPrivate = !hasDisplay();
  const flags = [...(options.windowed ? ['--windowed'] : []), ...(options['no-tray'] ? ['--no-tray'] : [])];
  const { display, server, wall } = await start(defer, {
    isPrivate,
    renewAfterSeconds: RENEW_AFTER_SECONDS,
    flags,
    log: say,
  });
  const picture = resolve('demo.png');
  if (display) {
    say(`There is no display here, so the wall runs on a private one, ${display.display}.`);
    say(`Its picture is kept in ${picture}, fresh after each sign-in.`);
  }
  say(`The auto-id server is at ${server.url}; what it writes down: bin/vigil audit show --data ${server.data}`);
  say(
    `Console sessions end after ${SESSION_SECONDS} s; the wall renews at ${RENEW_AFTER_SECONDS} s. Ctrl-C ends the demo.`,
  );
  const endStory = narrate(wall, (line, { event }) => {
    say(line);
    if (display && event === 'session.live') void keepPicture(display, picture);
  });
  const how = await wall.ended;
  endStory();
  if (wall.child.exitCode === 0) return 0;
  process.stderr.write(`The wall ${how}.\n${wall.complaints()}\n`);
  return 1;
}

/** @param {import('./display.mjs').Display} display @param {string} file */
async function keepPicture(display, file) {
  const { screenshot } = await import('./screen-capture.mjs');
  // Whoever has it open never sees half of it.
  const fresh = file.replace(/\.png$/, '.new.png');
  try {
    await screenshot({ ...display, file: fresh });
    await rename(fresh, file);
    say(`           picture: ${file}`);
  } catch (error) {
    process.stderr.write(`${/** @type {Error} */ (error).message}\n`);
  }
}

/** @param {import('./lib/teardown.mjs').Defer} defer */
async function once(defer) {
  const log = (/** @type {string} */ line) => process.stderr.write(`${line}\n`);
  const started = await start(defer, {
    isPrivate: true,
    renewAfterSeconds: RENEW_AFTER_SECONDS_ONCE,
    flags: ['--no-tray'],
    log,
  });
  const display = /** @type {import('./display.mjs').Display} */ (started.display);
  const { result, holds } = await watchRenewal({ ...started, display, picture: 'demo.png', log });
  process.stdout.write(`${JSON.stringify(result)}\n`);
  return holds ? 0 : 1;
}
