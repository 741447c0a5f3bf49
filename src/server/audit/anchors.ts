import { appendFile, readFile } from 'node:fs/promises';
import { AppError } from '../../core/errors.ts';
import type { Logger } from '../../core/ports.ts';
import type { Anchor } from './chain.ts';
import type { AnchorSink } from './state-audit.ts';

/** Anchors as events of the program's log, for where that is shipped to another machine (journald, CloudWatch Logs). */
export function anchorToLog(logger: Logger): AnchorSink {
  return (anchor) => {
    logger.log('info', 'audit.anchor', { ...anchor });
    return Promise.resolve();
  };
}

/** Anchors as lines of a file: on another machine's disk, or where this account may append but not change. */
export function anchorToFile(path: string): AnchorSink {
  return (anchor) => appendFile(path, `${JSON.stringify(anchor)}\n`, { mode: 0o600, flush: true });
}

/** Anchors to each of several places; rejects when one of them failed, after all were tried. */
export function anchorToAll(sinks: readonly AnchorSink[]): AnchorSink {
  return async (anchor) => {
    const results = await Promise.allSettled(sinks.map((sink) => sink(anchor)));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  };
}

/**
 * The anchors in a file: lines of JSON, those of a program's log among them (other lines are passed over). Throws USAGE
 * when the file cannot be read or holds no anchor at all.
 */
export async function readAnchors(path: string): Promise<readonly Anchor[]> {
  let text;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new AppError('USAGE', `The file of anchors ${path} cannot be read: check its name and its permissions.`, {
      cause: error,
    });
  }
  const anchors = text.split('\n').flatMap((line) => {
    const anchor = anchorOf(line);
    return anchor === undefined ? [] : [anchor];
  });
  if (anchors.length === 0) throw new AppError('USAGE', `The file ${path} holds no anchor of an audit log.`);
  return anchors;
}

function anchorOf(line: string): Anchor | undefined {
  if (!line.includes('"seq"') || !line.includes('"hash"')) return undefined;
  try {
    const { stream, seq, hash, at } = JSON.parse(line) as Record<string, unknown>;
    const isSound =
      typeof stream === 'string' &&
      Number.isSafeInteger(seq) &&
      typeof hash === 'string' &&
      /^[0-9a-f]{64}$/.test(hash);
    return isSound ? { stream, seq: Number(seq), hash, at: Number(at) } : undefined;
  } catch {
    return undefined;
  }
}
