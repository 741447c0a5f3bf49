/**
 * Takes a version in, or moves the pointer, and kills itself before step number N: `step.ts ROOT PUBLIC-KEY N take NAME` or
 * `… N point VERSION`. Prints each step that it takes.
 */
import { writeSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { takeIn } from '../intake.ts';
import { readPublicKeys } from '../keys.ts';
import { rootAt, writePointer } from '../root.ts';

// Before it kills itself.
flushCompileCache();
const [, , folder = '', key = '', at = '', what = '', name = ''] = process.argv;
const root = rootAt(folder);
let steps = 0;
const onStep = (step: string, path: string): void => {
  if (++steps === Number(at)) process.kill(process.pid, 'SIGKILL');
  writeSync(1, `${step} ${path}\n`);
};
if (what === 'point') await writePointer(root, name, undefined, onStep);
else {
  const taken = await takeIn(root, name, {
    keys: readPublicKeys(key),
    platform: `${process.platform}-${process.arch}`,
    current: undefined,
    allowDowngrade: false,
    isInUse: () => false,
    onStep,
  });
  await taken.discard();
}
