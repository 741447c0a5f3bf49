// Fuzzes the auto-id server: see fuzz/server.mjs, which needs the pinned Node. What was done is kept in test-results, and a
// run goes on there. FUZZ_REQUESTS and FUZZ_SOCKET_REQUESTS say how many instead of 1 000 000 and 10 000.
import { fileURLToPath } from 'node:url';
import { bootstrap } from './bootstrap.mjs';
import { startProcess } from './lib/process.mjs';
import { runScript } from './lib/teardown.mjs';

await runScript(async (defer) => {
  const { node } = await bootstrap();
  const program = fileURLToPath(new URL('./fuzz/server.mjs', import.meta.url));
  const fuzz = startProcess(node, ['--expose-gc', program], { show: true });
  defer(fuzz.stop);
  await fuzz.ended;
  return fuzz.child.exitCode ?? 1;
});
