/** The server on AWS Lambda: `handler` answers requests, `rotate` moves the keys on by a schedule (template.yaml). */
import { createNodeClock } from '../node/clock.ts';
import { createNodeFetch } from '../node/http.ts';
import { createNodeRandom } from '../node/random.ts';
import type { LambdaPorts } from './lambda/home.ts';
import { createLineLog } from './lambda/log.ts';
import { createRotation } from './lambda/rotate-keys.ts';
import { createEventHandler } from './lambda/serve-events.ts';

const ports: LambdaPorts = {
  env: process.env,
  fetch: createNodeFetch({ proxy: 'none' }),
  clock: createNodeClock(),
  random: createNodeRandom(),
  logger: createLineLog((line) => process.stdout.write(line)),
};

export const handler = createEventHandler(ports);
export const rotate = createRotation(ports);
