/* global crypto */
// The measure of the server: a handler in the same framework that reads the same body and does one bare private operation of
// RSA-2048, on the thread pool. Prints its port.
import { readFileSync } from 'node:fs';
import { createPrivateKey } from 'node:crypto';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';

const [, , keyFile = '', sealedFile = ''] = process.argv;
const der = createPrivateKey(readFileSync(keyFile)).export({ type: 'pkcs8', format: 'der' });
const key = await crypto.subtle.importKey('pkcs8', der, { name: 'RSA-OAEP', hash: 'SHA-1' }, false, ['decrypt']);
const sealed = new Uint8Array(readFileSync(sealedFile));

const app = new Hono();
app.post('/verify', async (c) => {
  await c.req.arrayBuffer();
  const opened = await crypto.subtle.decrypt('RSA-OAEP', key, sealed);
  return c.json({ bytes: opened.byteLength }, 201);
});
serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) => process.stdout.write(`${port}\n`));
