import { expect, it } from 'vitest';
import { createFuzzer } from './testing/fuzz.ts';
import { createWorld } from './testing/world.ts';

it('gives 500 mutated requests nothing but the refusal, and fails at none', async () => {
  const world = await createWorld();
  const fuzzer = await createFuzzer(world, 20_261_122);
  for (let from = 0; from < 500; from += 20) {
    await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const request = await fuzzer.make(from + i);
        const { method, path, type, body } = request;
        const init = { method, headers: { 'content-type': type } };
        const hasBody = method !== 'GET' && method !== 'HEAD';
        const answer = await world.app.request(path, hasBody ? { ...init, body } : init, { address: '192.0.2.1' });
        const wrong = await fuzzer.judge(request, {
          status: answer.status,
          body: new Uint8Array(await answer.arrayBuffer()),
        });
        expect(wrong, `request ${from + i}`).toBeUndefined();
      }),
    );
  }
  expect(world.alerts).toEqual([]);
}, 300_000);
