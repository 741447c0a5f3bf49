import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { vectorText } from '../testing/vectors.ts';
import { importPrivateKey, importPublicKey } from './keys.ts';

const FORMS = ['openssh', 'spki', 'pkcs1'] as const;
const textOf = (form: string): string => vectorText(`public.${form}.pem`);
const spki = (text: string): string => text.replace(/-----[^-]+-----|\s/g, '');
const pem = (label: string, base64: string): string => `-----BEGIN ${label}-----\n${base64}\n-----END ${label}-----\n`;

describe('importPublicKey', () => {
  it.each(FORMS)('reads the key in %s form, with LF, CRLF or no line end', async (form) => {
    const expected = spki(textOf('spki'));
    for (const text of [textOf(form), textOf(form).replaceAll('\n', '\r\n'), textOf(form).trim()]) {
      const key = await importPublicKey(text);
      expect(key.algorithm).toMatchObject({ name: 'RSA-OAEP', modulusLength: 2048, hash: { name: 'SHA-1' } });
      const exported = new Uint8Array(await crypto.subtle.exportKey('spki', key));
      expect(Buffer.from(exported).toString('base64')).toBe(expected);
    }
  });

  it('takes an OpenSSH key with a comment', async () => {
    await expect(importPublicKey(`${textOf('openssh').trim()} keys of the wall\n`)).resolves.toBeDefined();
  });

  it.each(FORMS)('refuses the %s form cut off or lengthened anywhere', async (form) => {
    const text = textOf(form).trim();
    for (let length = 0; length < text.length; length += 7) {
      await expect(importPublicKey(text.slice(0, length)), String(length)).rejects.toMatchObject({
        code: 'KEYS_INVALID',
      });
    }
    await expect(importPublicKey(`${text}AAAA`)).rejects.toMatchObject({ code: 'KEYS_INVALID' });
    await expect(importPublicKey(`${text}\n${text}`)).rejects.toMatchObject({ code: 'KEYS_INVALID' });
  });

  it.each(['spki', 'pkcs1'])('refuses a changed header byte in the %s form', async (form) => {
    const text = textOf(form);
    const label = /BEGIN ([A-Z ]+)-/.exec(text)?.[1] ?? '';
    const der = Buffer.from(spki(text), 'base64');
    for (let i = 0; i < (form === 'spki' ? 32 : 8); i++) {
      const changed = Buffer.from(der);
      changed[i] = (changed[i] ?? 0) ^ 0x01;
      await expect(importPublicKey(pem(label, changed.toString('base64'))), String(i)).rejects.toMatchObject({
        code: 'KEYS_INVALID',
      });
    }
    const longer = Buffer.concat([der, Buffer.from([0])]).toString('base64');
    await expect(importPublicKey(pem(label, longer))).rejects.toMatchObject({ code: 'KEYS_INVALID' });
  });

  it('refuses lengths that are not in their shortest form, which DER forbids', async () => {
    const hex = Buffer.from(spki(textOf('pkcs1')), 'base64').toString('hex');
    const exponent = '0203010001';
    expect(hex.startsWith('3082010a') && hex.endsWith(exponent)).toBe(true);
    const longer = (start: string, end: string): Promise<unknown> => {
      const der = `${start}${hex.slice(8, -exponent.length)}${end}`;
      return importPublicKey(pem('RSA PUBLIC KEY', Buffer.from(der, 'hex').toString('base64')));
    };
    await expect(longer('3082010a', exponent)).resolves.toBeDefined();
    await expect(longer('3082010b', '028103010001')).rejects.toMatchObject({ code: 'KEYS_INVALID' });
    await expect(longer('3082010c', '02820003010001')).rejects.toMatchObject({ code: 'KEYS_INVALID' });
    await expect(longer('308300010a', exponent)).rejects.toMatchObject({ code: 'KEYS_INVALID' });
  });

  it('refuses keys of other kinds and sizes', async () => {
    const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey;
    const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
    for (const key of [small, curve]) {
      const text = key.export({ type: 'spki', format: 'pem' }).toString();
      await expect(importPublicKey(text)).rejects.toMatchObject({ code: 'KEYS_INVALID' });
    }
  });

  it.each([
    '',
    'ssh-rsa',
    'ssh-rsa AAAA',
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAA',
    'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAA//8=',
    '<!doctype html>',
    pem('PUBLIC KEY', ''),
    pem('PUBLIC KEY', 'AAAA'),
    pem('RSA PUBLIC KEY', 'MIL/////'),
    pem('CERTIFICATE', 'AAAA'),
    'A'.repeat(100_000),
  ])('refuses garbage %#', async (text) => {
    await expect(importPublicKey(text)).rejects.toMatchObject({ code: 'KEYS_INVALID' });
  });

  it.each(['private.openssh.pem', 'private.pkcs1.pem', 'private.pkcs8.pem'])(
    'raises the alarm over %s',
    async (name) => {
      await expect(importPublicKey(vectorText(name))).rejects.toMatchObject({
        code: 'KEYS_INVALID',
        message: expect.stringContaining('private key') as string,
      });
    },
  );
});

describe('importPrivateKey', () => {
  it('reads PKCS#8 and refuses the rest', async () => {
    const key = await importPrivateKey(vectorText('private.pkcs8.pem'));
    expect(key.usages).toEqual(['decrypt']);
    for (const name of ['private.openssh.pem', 'private.pkcs1.pem', 'public.spki.pem']) {
      await expect(importPrivateKey(vectorText(name))).rejects.toMatchObject({ code: 'KEYS_INVALID' });
    }
    await expect(importPrivateKey(pem('PRIVATE KEY', 'AAAA'))).rejects.toMatchObject({ code: 'KEYS_INVALID' });
  });
});
