// A wall without a picture: it opens a health server as a real one does, and behaves as behaviour.json beside it says.
// What it lives through goes to a ledger that all walls of a test share; one that meets another alive writes that down.
import { appendFileSync, existsSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const behaviour = JSON.parse(readFileSync(join(dirname(fileURLToPath(import.meta.url)), 'behaviour.json'), 'utf8'));
const folder = process.env.FAKE_WALL_FOLDER ?? '';
const own = join(folder, `alive-${process.pid}`);
const note = (/** @type {string} */ what) =>
  appendFileSync(join(folder, 'ledger'), `${behaviour.version} ${process.pid} ${what}\n`);

for (const name of readdirSync(folder)) {
  const pid = Number(/^alive-(\d+)$/.exec(name)?.[1] ?? 0);
  if (pid === 0) continue;
  try {
    process.kill(pid, 0);
    note(`doubles ${pid}`);
  } catch {
    rmSync(join(folder, name), { force: true });
  }
}
writeFileSync(own, '');
note(`start restarts=${process.env.VIGIL_RESTARTS} last=${process.env.VIGIL_LAST_END}`);

function end(/** @type {number} */ code) {
  note(`end ${code}`);
  rmSync(own, { force: true });
  process.exit(code);
}

process.on('SIGTERM', () => (behaviour.stubborn ? note('ignores SIGTERM') : end(0)));
if (behaviour.say) process.stderr.write(behaviour.say);
if (behaviour.exit !== undefined) end(behaviour.exit);
if (behaviour.signal !== undefined) {
  rmSync(own, { force: true });
  process.kill(process.pid, behaviour.signal);
}

if (behaviour.silent) setInterval(() => {}, 60_000);
else {
  const token = randomBytes(32).toString('base64url');
  const server = createServer((request, response) => {
    const answer = (/** @type {number} */ status, /** @type {unknown} */ body) => {
      response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
      response.end(JSON.stringify(body));
    };
    if (request.headers.authorization !== `Bearer ${token}`) answer(401, {});
    else if (existsSync(join(folder, 'no-network'))) {
      answer(503, {
        ok: false,
        code: 'NO_PICTURE',
        reason: 'Surface main shows no dashboard.',
        failure: 'NETWORK_OFFLINE',
      });
    } else if (behaviour.ill)
      answer(503, { ok: false, code: 'NO_PICTURE', reason: 'Surface main shows no dashboard.' });
    else {
      answer(200, { ok: true, showing: 1 });
      note('live');
    }
    if (existsSync(join(folder, 'quit'))) {
      rmSync(join(folder, 'quit'));
      end(0);
    }
  });
  server.listen(0, '127.0.0.1', () => {
    const file = process.env.VIGIL_HEALTH_FILE ?? '';
    const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
    writeFileSync(`${file}.draft`, JSON.stringify({ pid: process.pid, port, token }), { mode: 0o600 });
    renameSync(`${file}.draft`, file);
  });
}
