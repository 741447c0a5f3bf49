// What the auto-id server bears on this machine: see bench/server/main.mjs, which needs the pinned Node.
import { fileURLToPath } from 'node:url';
import { bootstrap } from './bootstrap.mjs';
import { startProcess } from './lib/process.mjs';
import { runScript } from './lib/teardown.mjs';

await runScript(async (defer) => {
  const { node } = await bootstrap();
  const bench = startProcess(node, [fileURLToPath(new URL('./bench/server/main.mjs', import.meta.url))], {
    show: true,
  });
  defer(bench.stop);
  await bench.ended;
  return bench.child.exitCode ?? 1;
});
