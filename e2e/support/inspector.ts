import { waitUntil } from '../../scripts/lib/process.mjs';

/** The flag that lets the main process be spoken to; unpackaged walls only. */
export const INSPECTED = '--inspect=127.0.0.1:0';

/**
 * Has the main process of a program that was started with {@link INSPECTED} run a script; resolves when it was taken.
 * @param output what the program has written on its standard error so far
 */
export async function runInMain(output: () => string, script: string): Promise<void> {
  const address = await waitUntil(
    () => /ws:\/\/[\d.:]+\/[\w-]+/.exec(output().split('Debugger listening on').at(-1) ?? '')?.[0],
    {
      what: 'The program did not say where it can be spoken to',
      timeoutMs: 30_000,
    },
  );
  const socket = new WebSocket(address);
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('error', () => {
      reject(new Error('The program could not be spoken to.'));
    });
    socket.addEventListener('open', () => {
      socket.send(JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression: script } }));
    });
    socket.addEventListener('message', () => {
      resolve();
    });
  });
  socket.close();
}
