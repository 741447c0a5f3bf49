// Starts the wall from the sources, on the display that is there, with the flags and the environment given.
import { bootstrap } from './bootstrap.mjs';
import { hasDisplay } from './display.mjs';
import { startProcess } from './lib/process.mjs';
import { electronArguments } from './lib/program.mjs';
import { runScript } from './lib/teardown.mjs';

await runScript(async (defer) => {
  if (!hasDisplay()) {
    throw new Error(
      'There is no display here (DISPLAY and WAYLAND_DISPLAY are not set). "npm run demo" makes its own.',
    );
  }
  const { electron } = await bootstrap();
  const env = { ...process.env };
  delete env.ELECTRON_RUN_AS_NODE;
  const flags = process.argv.slice(2);
  const wall = startProcess(electron.executablePath, electronArguments({ flags }), { env, show: true });
  defer(wall.stop);
  const how = await wall.ended;
  const code = wall.child.exitCode;
  if (code === null) process.stderr.write(`The wall ${how}.\n`);
  return code ?? 1;
});
