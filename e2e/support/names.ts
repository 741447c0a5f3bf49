import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Names of its own for a wall: a file that it alone sees as the machine's /etc/hosts. */
export interface OwnNames {
  readonly hostsFile: string;
  /** Starts the given program with it. */
  readonly executable: string;
}

/** Why a process cannot be given a file of its own here, or undefined. */
export function noOwnNames(): string | undefined {
  // A mount namespace (unshare(1)), which the kernel gives to root everywhere.
  const { status } = spawnSync('unshare', ['--mount', 'true'], { stdio: 'ignore' });
  return status === 0 ? undefined : 'This user may not make a mount namespace.';
}

/** @param folder for the file and the program, made here @param program to be started */
export function makeOwnNames(folder: string, program: string): OwnNames {
  mkdirSync(folder, { recursive: true });
  const hostsFile = join(folder, 'hosts');
  const executable = join(folder, 'with-own-names');
  writeFileSync(hostsFile, '127.0.0.1 localhost\n');
  const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
  const script = `mount --bind ${quoted(hostsFile)} /etc/hosts && exec "$0" "$@"`;
  const lines = ['#!/bin/sh', `exec unshare --mount sh -c ${quoted(script)} ${quoted(program)} "$@"`, ''];
  writeFileSync(executable, lines.join('\n'), { mode: 0o755 });
  return { hostsFile, executable };
}
