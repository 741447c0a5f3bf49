/** The supervisor as a process that a test can kill: `run.ts ROOT PUBLIC-KEY`, with the short times of the tests. */
import { flushCompileCache } from 'node:module';
import { createNodeClock } from '../../../node/clock.ts';
import { createLog } from '../../../node/log.ts';
import { createNodeRandom } from '../../../node/random.ts';
import { readPublicKeys } from '../keys.ts';
import { rootAt } from '../root.ts';
import { startSupervisor } from '../supervisor.ts';
import { QUICK_RUN } from './times.ts';

// Before anything kills it.
flushCompileCache();
const [, , folder = '', key = ''] = process.argv;
const root = rootAt(folder);
const log = createLog({ folder: root.logs, name: 'supervisor.log', also: (line) => process.stdout.write(`${line}\n`) });
try {
  const supervisor = await startSupervisor({
    root,
    keys: readPublicKeys(key),
    platform: `${process.platform}-${process.arch}`,
    allowDowngrade: false,
    wallArguments: [],
    env: process.env,
    logger: log.logger,
    onSecret: (secret) => log.redactor.add(secret),
    clock: createNodeClock(),
    random: createNodeRandom(),
    ...QUICK_RUN,
  });
  process.on('SIGTERM', () => supervisor.stop());
  process.on('SIGHUP', () => supervisor.restart());
  const exitCode = await supervisor.ended;
  await log.close();
  process.exit(exitCode);
} catch (error) {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
}
